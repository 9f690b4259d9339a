/**
 * A crowd of members: clients that join rooms, send numbered messages, and record every response and delivery. This module runs in Node and
 * in k6.
 */
import { createClient } from '../client/src/client.ts'
import type { Client, ClientEvent, Environment } from '../client/src/types.ts'
import { everyoneRoom } from '../contract/src/messages.ts'
import { createRandom } from '../contract/src/random.ts'
import { Connections } from './connections.ts'
import { ClientLedger, type Drop, type Payload } from './ledger.ts'

export interface CrowdOptions {
  /** URL of the WebSocket endpoint, ws://HOST:PORT/PATH. */
  url: string
  /** Provides the sockets, timers and clocks that the clients use. */
  environment: Environment
  sockets: number
  rooms: number
  /** Number of connection attempts per second while the members connect. */
  dialsPerSecond: number
  seed: number
  /** Name of the run, which is part of room names and messages. */
  run: string
  /**
   * Called for each message that is delivered by a replica other than the sender's.
   * @param tookMs milliseconds since the message was sent
   */
  onCrossed: (tookMs: number) => void
  /** Called for each delivery. @param tookMs milliseconds since the message was sent */
  onDelivered?: ((tookMs: number) => void) | undefined
  /** Called when a message is confirmed as stored. @param tookMs milliseconds since the message was sent */
  onStored: (tookMs: number) => void
  /** Called with each line of progress output. */
  log: (line: string) => void
}

/** Counters of the client library and of the crowd, by name. */
export type CrowdStats = Record<string, number>

interface Member {
  number: number
  client: Client
  rooms: string[]
  /** Messages that are awaiting their final response, by request id. */
  waiting: Map<string, number>
  /** Rooms that the member has joined. */
  joined: Set<string>
  /** Connections that the member has lost and has not yet replaced. */
  away: Drop[]
}

export class Crowd {
  readonly ledger = new ClientLedger()
  /** Frames that the members received, by connection. */
  readonly connections = new Connections()
  /** Time at which any member last received a message, in milliseconds on a monotonic clock. */
  lastDeliveryAtMs = 0
  private readonly options: CrowdOptions
  private readonly members: Member[] = []
  private readonly random: ReturnType<typeof createRandom>
  private readonly counts: CrowdStats = {
    handshakes: 0,
    failedDials: 0,
    timedOutDials: 0,
    freshSessions: 0,
    resumeRefusals: 0,
    errors: 0,
    halfOpen: 0,
  }
  private sending = false
  private ending = false

  constructor(options: CrowdOptions) {
    this.options = options
    this.random = createRandom(options.seed, 1)
  }

  /** Number of members that have joined all their rooms. */
  get joined(): number {
    return this.members.filter(({ rooms, joined }) => joined.size === rooms.length).length
  }

  /** Number of members that have joined all their rooms and are connected. */
  get ready(): number {
    return this.members.filter(({ rooms, joined, client }) => joined.size === rooms.length && client.state.word === 'open').length
  }

  /** Connects all members, `dialsPerSecond` of them per second. */
  connect(): void {
    const { environment, sockets, dialsPerSecond } = this.options
    const startedAtMs = environment.steady()
    const some = () => {
      const due = Math.min(sockets, 1 + Math.floor(((environment.steady() - startedAtMs) * dialsPerSecond) / 1000))
      while (this.members.length < due) this.members.push(this.member(this.members.length))
      if (this.members.length < sockets) environment.setTimer(some, 20)
    }
    some()
  }

  /** Starts sending messages. @param perSecond total number of messages per second, across all members */
  start(perSecond: number): void {
    const { environment } = this.options
    const startedAtMs = environment.steady()
    let sent = 0
    this.sending = true
    const some = () => {
      if (!this.sending) return
      const due = Math.floor(((environment.steady() - startedAtMs) * perSecond) / 1000)
      // If this process was paused, it sends the overdue messages in a burst, but no more than are due in one second.
      sent = Math.max(sent, due - perSecond)
      for (; sent < due; sent++) this.send()
      environment.setTimer(some, 10)
    }
    some()
  }

  stop(): void {
    this.sending = false
  }

  /**
   * Closes all connections, and records the gaps that remain in their message streams. Connections that end after this call do not count as
   * lost. Idempotent.
   */
  end(): void {
    this.ending = true
    this.connections.endAll()
    for (const { client } of this.members) client.close()
  }

  stats(): CrowdStats {
    const total: CrowdStats = { ...this.counts }
    for (const { client } of this.members) {
      const { rttMs: _, halfOpen: __, unanswered, ...counts } = client.stats
      for (const [name, value] of Object.entries({ ...counts, unanswered })) total[name] = (total[name] ?? 0) + (value ?? 0)
    }
    return total
  }

  private member(number: number): Member {
    const { rooms, run, url } = this.options
    const own = [`${run}-${number % rooms}`]
    // Every fifth member joins two rooms, so that the run also tests members of more than one room.
    if (rooms > 1 && number % 5 === 0) own.push(`${run}-${(number * 7 + 1) % rooms}`)
    const member: Member = {
      number,
      rooms: [...new Set(own)],
      waiting: new Map(),
      joined: new Set(),
      away: [],
      client: undefined as unknown as Client,
    }
    const random = createRandom(this.options.seed, 2 + number)
    member.client = createClient(
      { url, rooms: member.rooms, trace: true, onEvent: (event) => this.see(member, event) },
      { ...this.options.environment, random: () => random.between(0, 1) },
    )
    return member
  }

  private send(): void {
    const member = this.members[Math.floor(this.random.between(0, this.members.length))]
    const room = member?.rooms[Math.floor(this.random.between(0, member.rooms.length))]
    if (member === undefined || room === undefined) return
    const n = this.ledger.send(member.number, room)
    const payload: Payload = {
      run: this.options.run,
      n,
      s: member.number,
      t: this.options.environment.steady(),
      r: member.client.state.replica ?? '',
    }
    try {
      member.waiting.set(member.client.broadcast(room, payload), n)
    } catch {
      // The client's send queue is full, so the client refused the message instead of sending it.
      this.ledger.answer(n, 'refused')
    }
  }

  private see(member: Member, event: ClientEvent): void {
    if (this.ending) return
    switch (event.type) {
      case 'message': {
        const { n, t, r } = event.message.data as Payload
        const nowMs = this.options.environment.steady()
        this.lastDeliveryAtMs = nowMs
        this.ledger.deliver(member.number, event.message.room, n, event.message.provisional === true)
        this.options.onDelivered?.(nowMs - t)
        if (r !== member.client.state.replica) this.options.onCrossed(nowMs - t)
        return
      }
      case 'answered':
        this.answered(member, event)
        return
      case 'refused':
        this.refused(member, event)
        return
      case 'frame':
        if (event.direction === 'in') this.frame(member, event.connection, event.text)
        return
      case 'gap':
        // Gaps in the room that contains all connections are ignored, because the run does not check that room.
        // Gaps after the start of a new session are expected, because the client has to rejoin its rooms.
        if (event.room !== everyoneRoom && event.why !== 'fresh_session') {
          const detail = `${event.why}: ${event.missing ?? 'some'} missing from ${event.from} to ${event.to}`
          this.ledger.gaps.push({ member: member.number, room: event.room, detail })
        }
        return
      case 'opened':
        this.connections.opened(member.number, event.connection)
        this.count('handshakes')
        return
      case 'attached':
        this.attached(member, event)
        return
      case 'closed':
        this.closed(member, event)
        return
      case 'error':
        this.count('errors')
        this.options.log(`member ${member.number}: ${event.code ?? 'not understood'}: ${event.text}`)
    }
  }

  private answered(member: Member, { id, request, room, stored, seq, tookMs }: Extract<ClientEvent, { type: 'answered' }>): void {
    if (request === 'join' && room !== undefined) member.joined.add(room)
    const n = member.waiting.get(id)
    if (n === undefined || stored === undefined) return
    this.ledger.answer(n, stored ? 'stored' : 'provisional', seq)
    if (!stored) return
    member.waiting.delete(id)
    this.options.onStored(tookMs)
  }

  private refused(member: Member, { id, request, code, text }: Extract<ClientEvent, { type: 'refused' }>): void {
    const n = member.waiting.get(id)
    this.options.log(`member ${member.number}: ${request} refused: ${code}: ${text}`)
    if (n === undefined) return
    member.waiting.delete(id)
    this.ledger.answer(n, 'refused')
  }

  private frame(member: Member, connection: number, text: string): void {
    const frame = this.connections.see(member.number, connection, text)
    if (frame?.type === 'room_joined') this.ledger.join(member.number, frame.room ?? '', frame.seq ?? 0)
  }

  private attached(member: Member, event: Extract<ClientEvent, { type: 'attached' }>): void {
    const backAtMs = this.options.environment.now()
    for (const drop of member.away.splice(0)) drop.backAtMs = backAtMs
    if (event.how === 'fresh') this.count('freshSessions')
    if (event.refused !== undefined) {
      this.count('resumeRefusals')
      this.options.log(`member ${member.number} could not resume at ${event.replica}: ${event.refused}`)
    }
  }

  private closed(member: Member, event: Extract<ClientEvent, { type: 'closed' }>): void {
    const { replica, goodbye } = this.connections.closed(member.number, event.connection)
    // A connection that ends before its session begins does not count as lost, because the member was not using this connection yet.
    if (!event.opened || event.why === 'connect_timeout') {
      this.count(event.opened ? 'timedOutDials' : 'failedDials')
      return
    }
    if (event.why === 'half_open') this.count('halfOpen')
    const drop: Drop = {
      member: member.number,
      replica,
      code: event.code,
      atMs: this.options.environment.now(),
      backAtMs: undefined,
      goodbye,
    }
    // The client had already replaced this connection with a new one, so the member was never disconnected.
    if (event.why === 'moved') drop.backAtMs = drop.atMs
    else member.away.push(drop)
    this.ledger.drops.push(drop)
  }

  private count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1
  }
}
