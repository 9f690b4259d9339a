/**
 * Property test: the client delivers each message of a room once and in order, and the service stores each of the client's messages once.
 * The client runs against a model of the service that cuts connections with frames in flight, forgets sessions, asks clients to reconnect
 * and sends frames twice, in any order that fast-check generates.
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

/** Represents the close code 4003, which the server sends on a connection whose session another connection has taken over. */
const takenOver = 'closes with 4003'

/** A model of the service that docs/protocol.schema.json describes, reduced to rooms and sessions; the model stores every message. */
class Simulation {
  readonly log: Stored[] = []
  readonly events: ClientEvent[] = []
  readonly machine: Machine
  nowMs = 0
  private seq = 1000
  private tokens = 0
  private readonly keys = new Map<unknown, number>()
  private readonly sessions = new Map<string, Session>()
  private readonly wires = new Map<number, Wire>()

  constructor(random: () => number) {
    this.machine = new Machine({
      idPrefix: 'me',
      maxUnanswered: 1000,
      answerTimeoutMs: 10_000,
      ackEvery: 5,
      ackAfterMs: 5000,
      random,
      backoff: { mode: 'full-jitter', baseMs: 100, capMs: 1000 },
      stableMs: 5000,
      connectTimeoutMs: 5000,
      trace: false,
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
      if (action.do === 'emit') this.events.push(action.event)
      else if (action.do === 'send') this.wires.get(action.connection)?.toServer.push(action.text)
      else if (action.do === 'close') this.wires.delete(action.connection)
      else this.wires.set(action.connection, { session: this.newSession(), toServer: [], toClient: [], open: false })
    }
  }

  private send(wire: Wire, message: object): void {
    wire.toClient.push(JSON.stringify({ replica: 'ws-1', ...message }))
  }

  private sendAll(wire: Wire, messages: Stored[]): void {
    for (const message of messages) this.send(wire, { type: 'room_message', ...message })
  }

  publish(room: string, from: string, id: unknown, data: unknown): number {
    this.seq += 1 + (this.seq % 3)
    const offset = this.log.filter((stored) => stored.room === room).length + 1
    const stored = { room, from, id, data, seq: this.seq, offset }
    this.log.push(stored)
    for (const wire of this.wires.values()) {
      if (wire.open && this.sessions.get(wire.session.token) === wire.session && wire.session.rooms.has(room)) this.sendAll(wire, [stored])
    }
    return this.seq
  }

  /** Performs one random event, usually on a random connection. */
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
      this.send(wire, { type: 'goodbye', reason: 'draining', comeBackInMs: pick, windowMs: 1000, resumeToken: wire.session.token })
    } else this.move(number, wire, pick)
    this.perform()
    if (this.machine.nextAtMs() <= this.nowMs) this.machine.tick(this.nowMs)
    this.perform()
  }

  private cut(number: number): void {
    this.wires.delete(number)
    this.machine.socketClosed(number, 1006, '', this.nowMs)
  }

  /** Delivers one frame, either to the client or to the server. */
  private move(number: number, wire: Wire, pick: number): void {
    if (!wire.open) {
      wire.open = true
      this.machine.opened(number, this.nowMs)
      const limits = { maxFrameBytes: 65_536, messagesPerSecond: 1000 }
      const seq = this.seq
      const times = { heartbeatIntervalMs: 1e9, connectionTimeoutMs: 1e9 }
      this.send(wire, { type: 'connection_established', connectionId: 'me', ...times, resumeToken: wire.session.token, seq, limits })
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
        this.send(wire, { type: 'error', code: 'resume_unknown', message: '' })
        return
      }
      // The connection that carried the session until now is closed with code 4003.
      for (const other of this.wires.values()) if (other.session === session) other.toClient.push(takenOver)
      wire.session = { token: session.token, rooms: session.rooms }
      this.sessions.set(session.token, wire.session)
      const missed = this.log.filter((stored) => stored.seq > message.lastSeq && session.rooms.has(stored.room))
      const rooms = [...session.rooms].filter((name) => name !== '*')
      const answer = { connectionId: 'me', rooms, replayed: missed.length, seq: message.lastSeq, resumeToken: session.token }
      this.send(wire, { type: 'resumed', ...answer })
      this.sendAll(wire, missed)
    } else if (this.sessions.get(wire.session.token) !== wire.session) return
    else if (type === 'join') {
      wire.session.rooms.add(room)
      const ofRoom = this.log.filter((stored) => stored.room === room)
      const history = since === undefined ? ofRoom.slice(-3) : ofRoom.filter(({ seq }) => seq > since)
      this.send(wire, { type: 'room_joined', id, room, members: 1, history: history.length, seq: this.seq })
      this.sendAll(wire, history)
    } else if (type === 'broadcast') {
      if (!wire.session.rooms.has(room)) {
        this.send(wire, { type: 'error', id, code: 'not_in_room', message: '' })
        return
      }
      const before = this.keys.get(id)
      const seq = before ?? this.publish(room, 'me', id, message.data)
      this.keys.set(id, seq)
      this.send(wire, { type: 'message_response', id, stored: true, seq })
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

test('delivers each message once and in order, whatever happens to connections and sessions', () => {
  const counts = { resumed: 0, fresh: 0, dropped: 0, resent: 0 }
  fc.assert(
    fc.property(steps, fc.nat(), (sequence, seed) => {
      let state = seed
      const simulation = new Simulation(() => {
        state = (state * 1103515245 + 12345) % 2 ** 31
        return state / 2 ** 31
      })
      simulation.machine.request('join', { room: 'tea' }, 0)
      for (const [what, pick] of sequence) simulation.step(what, pick)
      // From here on, the simulation only delivers frames, so that all requests are answered.
      for (let n = 0; n < 4000 && (n < 600 || simulation.machine.report.stats.unanswered > 0); n++) simulation.step('move', n)
      simulation.publish('tea', 'other', 'last', 'last')
      for (let n = 0; n < 600; n++) simulation.step('move', n)

      const seen = simulation.events.flatMap((event) =>
        event.type === 'message' && event.message.room === 'tea' ? [event.message.seq ?? 0] : [],
      )
      const first = seen[0] ?? 0
      expect(seen).toEqual(simulation.log.filter(({ room, seq }) => room === 'tea' && seq >= first).map(({ seq }) => seq))
      expect(seen.at(-1)).toBe(simulation.log.at(-1)?.seq)
      const everyone = simulation.events.flatMap((event) =>
        event.type === 'message' && event.message.room === '*' ? [event.message.seq ?? 0] : [],
      )
      expect(everyone).toEqual([...new Set(everyone)].sort((a, b) => a - b))

      const asked = sequence.filter(([what]) => what === 'ask').length
      const answered = simulation.events.filter((event) => event.type === 'answered' && event.request === 'broadcast')
      const refused = simulation.events.filter((event) => event.type === 'refused')
      expect(answered.length + refused.length).toBe(asked)
      const mine = simulation.log.filter(({ from }) => from === 'me')
      expect(mine.length).toBe(answered.length)
      expect(mine.map(({ id }) => Number(String(id).split('-')[1]))).toEqual(
        mine.map(({ id }) => Number(String(id).split('-')[1])).sort((a, b) => a - b),
      )
      const { stats } = simulation.machine.report
      counts.resumed += stats.resumes
      counts.fresh += stats.reconnects - stats.resumes
      counts.dropped += stats.duplicatesDropped
      counts.resent += stats.resent
    }),
    { numRuns: 1000 },
  )
  // All runs together must have produced each kind of event more than 20 times.
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(20)
})
