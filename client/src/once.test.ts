/**
 * Whatever becomes of its connections, a client hands each message of its room on once and in order, and each of its own is
 * stored once. Here against a model of the service that cuts links with frames on the way, forgets sessions, says goodbye
 * and sends frames twice, in any order that fast-check thinks of.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Machine } from './machine.ts'
import type { ClientEvent } from './types.ts'

interface Stored {
  room: string
  from: string
  id: unknown
  data: unknown
  seq: number
  offset: number
}
interface Session {
  token: string
  rooms: Set<string>
}
interface Wire {
  session: Session
  toServer: string[]
  toClient: string[]
  open: boolean
}

/** In the place of a frame: the close that tells a connection that its session is elsewhere. */
const takenOver = 'closes with 4003'

/** The service as docs/protocol.schema.json has it, reduced to rooms and sessions; every message is kept. */
class World {
  readonly log: Stored[] = []
  readonly told: ClientEvent[] = []
  readonly machine: Machine
  nowMs = 0
  private seq = 1000
  private tokens = 0
  private readonly keys = new Map<unknown, number>()
  private readonly sessions = new Map<string, Session>()
  private readonly wires = new Map<number, Wire>()

  constructor(random: () => number) {
    this.machine = new Machine({
      ...{ idPrefix: 'me', maxUnanswered: 1000, answerTimeoutMs: 10_000, ackEvery: 5, ackAfterMs: 5000, random },
      ...{ backoff: { mode: 'full-jitter', baseMs: 100, capMs: 1000 }, stableMs: 5000, connectTimeoutMs: 5000, trace: false },
    })
    this.machine.start(0)
    this.perform()
  }

  private newSession(): Session {
    const session = { token: `t${++this.tokens}`, rooms: new Set(['*']) }
    this.sessions.set(session.token, session)
    return session
  }

  perform(): void {
    for (const action of this.machine.actions()) {
      if (action.do === 'tell') this.told.push(action.event)
      else if (action.do === 'send') this.wires.get(action.connection)?.toServer.push(action.text)
      else if (action.do === 'close') this.wires.delete(action.connection)
      else this.wires.set(action.connection, { session: this.newSession(), toServer: [], toClient: [], open: false })
    }
  }

  private say(wire: Wire, message: object): void {
    wire.toClient.push(JSON.stringify({ replica: 'ws-1', ...message }))
  }

  private sayAll(wire: Wire, messages: Stored[]): void {
    for (const message of messages) this.say(wire, { type: 'room_message', ...message })
  }

  publish(room: string, from: string, id: unknown, data: unknown): number {
    this.seq += 1 + (this.seq % 3)
    const offset = this.log.filter((stored) => stored.room === room).length + 1
    const stored = { room, from, id, data, seq: this.seq, offset }
    this.log.push(stored)
    for (const wire of this.wires.values()) {
      if (wire.open && this.sessions.get(wire.session.token) === wire.session && wire.session.rooms.has(room)) this.sayAll(wire, [stored])
    }
    return this.seq
  }

  /** One thing happens to one of the connections. */
  step(what: string, pick: number): void {
    this.nowMs += 20
    const wires = [...this.wires]
    const [number, wire] = wires[pick % Math.max(1, wires.length)] ?? []
    if (what === 'publish') this.publish(pick % 3 === 0 ? '*' : 'tea', 'other', pick, pick)
    else if (what === 'ask') this.machine.request('broadcast', { room: 'tea', data: pick }, this.nowMs)
    else if (what === 'wait') this.nowMs += pick
    else if (number === undefined || wire === undefined) this.nowMs += 100
    else if (what === 'cut') this.cut(number)
    else if (what === 'forget') {
      if (this.sessions.get(wire.session.token) === wire.session) this.sessions.delete(wire.session.token)
      this.cut(number)
    } else if (what === 'twice' && wire.toClient[0]?.includes('room_message')) wire.toClient.unshift(wire.toClient[0])
    else if (what === 'goodbye' && wire.open) {
      this.say(wire, { type: 'goodbye', reason: 'draining', comeBackInMs: pick, windowMs: 1000, resumeToken: wire.session.token })
    } else this.move(number, wire, pick)
    this.perform()
    if (this.machine.nextAtMs() <= this.nowMs) this.machine.tick(this.nowMs)
    this.perform()
  }

  private cut(number: number): void {
    this.wires.delete(number)
    this.machine.socketClosed(number, 1006, '', this.nowMs)
  }

  /** A frame arrives, on one side or the other. */
  private move(number: number, wire: Wire, pick: number): void {
    if (!wire.open) {
      wire.open = true
      this.machine.opened(number, this.nowMs)
      const limits = { maxFrameBytes: 65_536, messagesPerSecond: 1000 }
      const seq = this.seq
      const times = { heartbeatIntervalMs: 1e9, connectionTimeoutMs: 1e9 }
      this.say(wire, { type: 'connection_established', connectionId: 'me', ...times, resumeToken: wire.session.token, seq, limits })
    } else if (pick % 2 === 0 && wire.toServer.length > 0) this.serve(wire, JSON.parse(wire.toServer.shift() ?? ''))
    else if (wire.toClient[0] === takenOver) {
      this.wires.delete(number)
      this.machine.socketClosed(number, 4003, '', this.nowMs)
    } else if (wire.toClient.length > 0) this.machine.frame(number, wire.toClient.shift(), this.nowMs)
    else if (wire.toServer.length > 0) this.serve(wire, JSON.parse(wire.toServer.shift() ?? ''))
  }

  private serve(
    wire: Wire,
    message: { type: string; id: string; room: string; data: unknown; token: string; since?: number; lastSeq: number },
  ): void {
    const { type, id, room, since } = message
    if (type === 'resume') {
      const session = this.sessions.get(message.token)
      if (session === undefined) {
        this.say(wire, { type: 'error', code: 'resume_unknown', message: '' })
        return
      }
      // Taken from the connection that had it, which is closed for it.
      for (const other of this.wires.values()) if (other.session === session) other.toClient.push(takenOver)
      wire.session = { token: session.token, rooms: session.rooms }
      this.sessions.set(session.token, wire.session)
      const missed = this.log.filter((stored) => stored.seq > message.lastSeq && session.rooms.has(stored.room))
      const rooms = [...session.rooms].filter((name) => name !== '*')
      const answer = { connectionId: 'me', rooms, replayed: missed.length, seq: message.lastSeq, resumeToken: session.token }
      this.say(wire, { type: 'resumed', ...answer })
      this.sayAll(wire, missed)
    } else if (this.sessions.get(wire.session.token) !== wire.session) return
    else if (type === 'join') {
      wire.session.rooms.add(room)
      const ofRoom = this.log.filter((stored) => stored.room === room)
      const history = since === undefined ? ofRoom.slice(-3) : ofRoom.filter(({ seq }) => seq > since)
      this.say(wire, { type: 'room_joined', id, room, members: 1, history: history.length, seq: this.seq })
      this.sayAll(wire, history)
    } else if (type === 'broadcast') {
      if (!wire.session.rooms.has(room)) {
        this.say(wire, { type: 'error', id, code: 'not_in_room', message: '' })
        return
      }
      const before = this.keys.get(id)
      const seq = before ?? this.publish(room, 'me', id, message.data)
      this.keys.set(id, seq)
      this.say(wire, { type: 'message_response', id, stored: true, seq })
    }
  }
}

const steps = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 12, arbitrary: fc.constant('move') },
      { weight: 4, arbitrary: fc.constantFrom('publish', 'ask') },
      { weight: 1, arbitrary: fc.constantFrom('cut', 'goodbye', 'twice', 'wait', 'forget') },
    ),
    fc.nat(999),
  ),
  { minLength: 50, maxLength: 400 },
)

test('each message once, in order, whatever happens to connections and sessions', () => {
  const counts = { resumed: 0, fresh: 0, dropped: 0, resent: 0 }
  fc.assert(
    fc.property(steps, fc.nat(), (sequence, seed) => {
      let state = seed
      const world = new World(() => {
        state = (state * 1103515245 + 12345) % 2 ** 31
        return state / 2 ** 31
      })
      world.machine.request('join', { room: 'tea' }, 0)
      for (const [what, pick] of sequence) world.step(what, pick)
      // Then all is left in peace, and ends.
      for (let n = 0; n < 4000 && (n < 600 || world.machine.report.stats.unanswered > 0); n++) world.step('move', n)
      world.publish('tea', 'other', 'last', 'last')
      for (let n = 0; n < 600; n++) world.step('move', n)

      const seen = world.told.flatMap((event) => (event.type === 'message' && event.message.room === 'tea' ? [event.message.seq ?? 0] : []))
      const first = seen[0] ?? 0
      expect(seen).toEqual(world.log.filter(({ room, seq }) => room === 'tea' && seq >= first).map(({ seq }) => seq))
      expect(seen.at(-1)).toBe(world.log.at(-1)?.seq)
      const everyone = world.told.flatMap((event) =>
        event.type === 'message' && event.message.room === '*' ? [event.message.seq ?? 0] : [],
      )
      expect(everyone).toEqual([...new Set(everyone)].sort((a, b) => a - b))

      const asked = sequence.filter(([what]) => what === 'ask').length
      const answered = world.told.filter((event) => event.type === 'answered' && event.request === 'broadcast')
      const refused = world.told.filter((event) => event.type === 'refused')
      expect(answered.length + refused.length).toBe(asked)
      const mine = world.log.filter(({ from }) => from === 'me')
      expect(mine.length).toBe(answered.length)
      expect(mine.map(({ id }) => Number(String(id).split('-')[1]))).toEqual(
        mine.map(({ id }) => Number(String(id).split('-')[1])).sort((a, b) => a - b),
      )
      const { stats } = world.machine.report
      counts.resumed += stats.resumes
      counts.fresh += stats.reconnects - stats.resumes
      counts.dropped += stats.duplicatesDropped
      counts.resent += stats.resent
    }),
    { numRuns: 1000 },
  )
  // The runs have met what they are about.
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(20)
})
