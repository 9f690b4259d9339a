/** Tests the client's state machine with a simulated clock. */
import { expect, test } from 'vitest'
import { Machine, type MachineOptions } from './machine.ts'
import type { Action } from './report.ts'
import type { ClientEvent } from './types.ts'

const options: MachineOptions = {
  idPrefix: 'me',
  maxUnanswered: 10,
  answerTimeoutMs: 10_000,
  ackEvery: 3,
  ackAfterMs: 5000,
  backoff: { mode: 'full-jitter', baseMs: 1000, capMs: 8000 },
  stableMs: 10_000,
  connectTimeoutMs: 10_000,
  trace: false,
  random: () => 0.5,
}

/**
 * Creates a client state machine with a simulated clock. The `at` function advances the clock, runs every timer that is due, and collects
 * all actions.
 */
function timeline(change: Partial<MachineOptions> = {}) {
  const machine = new Machine({ ...options, ...change })
  const actions: Action[] = []
  let nowMs = 0
  const collect = () => actions.push(...machine.actions())
  machine.start(0)
  collect()
  const at = (ms: number): void => {
    for (let due = machine.nextAtMs(); due <= ms; due = machine.nextAtMs()) {
      nowMs = Math.max(nowMs, due)
      machine.tick(nowMs)
      collect()
    }
    nowMs = ms
  }
  return {
    machine,
    at,
    get nowMs() {
      return nowMs
    },
    opens: (connection: number) => {
      machine.opened(connection, nowMs)
      collect()
    },
    receives: (connection: number, message: object) => {
      machine.frame(connection, JSON.stringify({ replica: 'ws-1', ...message }), nowMs)
      collect()
    },
    closes: (connection: number, code: number) => {
      machine.socketClosed(connection, code, '', nowMs)
      collect()
    },
    asks: (...request: [Parameters<Machine['request']>[0], Parameters<Machine['request']>[1]]) => {
      const id = machine.request(...request, nowMs)
      collect()
      return id
    },
    dials: () => actions.flatMap((action) => (action.do === 'dial' ? [action] : [])),
    sent: (connection: number) =>
      actions.flatMap((action) => (action.do === 'send' && action.connection === connection ? [JSON.parse(action.text)] : [])),
    hungUp: () => actions.flatMap((action) => (action.do === 'close' ? [[action.connection, action.code]] : [])),
    events: <T extends ClientEvent['type']>(type: T) =>
      actions.flatMap((action) => (action.do === 'emit' && action.event.type === type ? [action.event] : [])) as Extract<
        ClientEvent,
        { type: T }
      >[],
  }
}

const greeting = {
  type: 'connection_established',
  replica: 'ws-1',
  version: 'v2+3f2a91c',
  colour: 'green',
  connectionId: 'c1',
  heartbeatIntervalMs: 30_000,
  connectionTimeoutMs: 300_000,
  resumeToken: 'token',
  seq: 100,
  limits: { maxFrameBytes: 65_536, messagesPerSecond: 100 },
}

function connected(change: Partial<MachineOptions> = {}) {
  const line = timeline(change)
  line.opens(1)
  line.receives(1, greeting)
  return line
}

test('reports the replica of a session with its version and its colour', () => {
  expect(connected().events('attached')).toMatchObject([{ replica: 'ws-1', version: 'v2+3f2a91c', colour: 'green' }])
})

test('waits twice as long after each failure, up to the cap, and resets the backoff after a stable connection', () => {
  const line = timeline()
  const waits: (number | undefined)[] = []
  for (let n = 1; n <= 6; n++) {
    line.closes(n, 1006)
    waits.push(line.machine.report.state.nextTryInMs)
    line.at(line.machine.nextAtMs())
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 4000, 4000])
  line.opens(7)
  line.receives(7, greeting)
  line.at(line.nowMs + 10_000)
  line.closes(7, 1006)
  expect(line.machine.report.state).toMatchObject({ word: 'waiting', nextTryInMs: 500, attempt: 1 })
})

test('reconnects at once every time without a backoff', () => {
  const line = timeline({ backoff: { mode: 'none', baseMs: 1000, capMs: 8000 } })
  for (let n = 1; n <= 5; n++) {
    line.closes(n, 1006)
    line.at(line.nowMs)
  }
  expect(line.dials()).toHaveLength(6)
  expect(line.nowMs).toBe(0)
})

test('abandons a connection attempt without an answer after its timeout', () => {
  const line = timeline()
  line.at(10_000)
  expect(line.hungUp()).toEqual([[1, 4004]])
  expect(line.events('closed')).toMatchObject([{ why: 'connect_timeout', opened: false }])
})

test('after a goodbye: waits for the requested time, dials, resumes, and only then leaves the old replica', () => {
  const line = connected()
  line.at(1000)
  line.receives(1, { type: 'goodbye', reason: 'rebalancing', comeBackInMs: 700, windowMs: 1000, resumeToken: 'newer' })
  expect(line.machine.report.state).toMatchObject({ word: 'leaving', nextTryInMs: 700 })
  line.at(1699)
  expect(line.dials()).toHaveLength(1)
  line.at(1700)
  expect(line.dials()[1]).toMatchObject({ connection: 2, away: 'rebalancing' })
  line.opens(2)
  line.receives(2, { ...greeting, replica: 'ws-2', resumeToken: 'other', connectionId: 'c2' })
  expect(line.sent(2)).toEqual([{ type: 'resume', token: 'newer', lastSeq: 100 }])
  // Until the session has moved to the new connection, the client sends no new requests on either connection.
  line.receives(1, { type: 'room_message', room: '*', from: 'x', data: 1, seq: 101, offset: 1 })
  const id = line.asks('message', { data: 'held' })
  expect(line.sent(1)).toEqual([])
  expect(line.hungUp()).toEqual([])
  line.receives(2, { type: 'resumed', replica: 'ws-2', connectionId: 'c1', rooms: [], replayed: 1, seq: 100, resumeToken: 'newest' })
  line.receives(2, { type: 'room_message', replica: 'ws-2', room: '*', from: 'x', data: 1, seq: 101, offset: 1 })
  expect(line.hungUp()).toEqual([[1, 4004]])
  expect(line.sent(2).slice(1)).toEqual([{ type: 'message', id, data: 'held' }])
  expect(line.events('message')).toHaveLength(1)
  expect(line.events('dropped')).toMatchObject([{ why: 'replayed' }])
  expect(line.machine.report.state).toMatchObject({ word: 'open', replica: 'ws-2', movedFrom: 'ws-1', connectionId: 'c1' })
  expect(line.machine.report.stats).toMatchObject({ moves: 1, resumes: 1, reconnects: 1, gaps: 0 })
})

test('stays at its replica when a move fails, and tries again', () => {
  const line = connected()
  line.receives(1, { type: 'goodbye', reason: 'draining', comeBackInMs: 100, windowMs: 1000, resumeToken: 'token' })
  line.at(100)
  line.closes(2, 1006)
  expect(line.machine.report.state).toMatchObject({ word: 'leaving', nextTryInMs: 500 })
  line.asks('message', { data: 1 })
  expect(line.sent(1)).toHaveLength(1)
  line.at(600)
  expect(line.dials()).toHaveLength(3)
})

test('probes a silent connection after 1.4 heartbeat intervals, and ends it before two have passed', () => {
  const line = connected()
  line.at(41_999)
  expect(line.sent(1)).toEqual([])
  line.at(42_000)
  expect(line.sent(1)).toEqual([{ type: 'heartbeat' }])
  line.at(56_999)
  expect(line.events('closed')).toEqual([])
  line.at(57_000)
  expect(line.events('closed')).toMatchObject([{ why: 'half_open' }])
})

test('probes the connection before ending it when the client itself was suspended', () => {
  const line = connected()
  line.machine.tick(600_000)
  expect(line.machine.actions()).toMatchObject([{ do: 'send' }])
  line.machine.frame(1, JSON.stringify({ type: 'heartbeat', replica: 'ws-1' }), 600_001)
  line.machine.tick(615_000)
  expect(line.machine.report.state.word).toBe('open')
})

test.each([1000, 1002, 1007, 1008, 1009, 4003])('close code %d ends the session', (code) => {
  const line = connected()
  line.closes(1, code)
  expect(line.machine.report.state).toMatchObject({ word: 'closed', closeCode: code })
  expect(line.machine.nextAtMs()).toBe(Number.POSITIVE_INFINITY)
})

test.each([1001, 1005, 1006, 1011, 1012, 1013, 4001, 4002, 4999, 3000])('close code %d leads to a reconnect', (code) => {
  const line = connected()
  line.closes(1, code)
  expect(line.machine.report.state).toMatchObject({ word: 'waiting', closeCode: code })
})

test('an abandoned takeover that succeeds late does not end the session', () => {
  const line = connected()
  line.closes(1, 1006)
  line.at(500)
  line.opens(2)
  line.receives(2, greeting)
  line.at(10_500)
  expect(line.events('closed').at(-1)).toMatchObject({ connection: 2, why: 'connect_timeout' })
  line.at(line.machine.nextAtMs())
  line.opens(3)
  line.receives(3, greeting)
  line.receives(3, { type: 'resumed', connectionId: 'c1', rooms: [], replayed: 0, seq: 100, resumeToken: 't' })
  line.closes(3, 4003)
  expect(line.machine.report.state.word).toBe('waiting')
})

test('requests without an answer are sent again in their order, with their ids', () => {
  const line = connected()
  const ids = [1, 2, 3].map((data) => line.asks('broadcast', { data }))
  line.receives(1, { type: 'message_response', id: ids[1], stored: true, seq: 105 })
  line.closes(1, 1006)
  ids.push(line.asks('broadcast', { data: 4 }))
  line.at(500)
  line.opens(2)
  line.receives(2, greeting)
  line.receives(2, { type: 'error', code: 'resume_unknown', message: '' })
  expect(line.sent(2).map(({ id, type }) => id ?? type)).toEqual(['resume', ids[0], ids[2], ids[3]])
  expect(line.machine.report.stats).toMatchObject({ sent: 4, resent: 2, answered: 1 })
})

test('an answer with stored: false is reported once and is not final', () => {
  const line = connected()
  const id = line.asks('broadcast', { data: 1 })
  line.receives(1, { type: 'message_response', id, stored: false })
  line.at(30_000)
  line.receives(1, { type: 'message_response', id, stored: true, seq: 105 })
  expect(line.events('answered').map(({ stored }) => stored)).toEqual([false, true])
  expect(line.sent(1)).toHaveLength(1)
})

test('a request without an answer is sent again on the same connection after the answer timeout', () => {
  const line = connected()
  line.asks('message', { data: 1 })
  line.at(9999)
  expect(line.sent(1)).toHaveLength(1)
  line.at(10_000)
  expect(line.sent(1)).toHaveLength(2)
})

test('acknowledges after a number of messages or a time', () => {
  const line = connected()
  const message = (n: number) => line.receives(1, { type: 'room_message', room: '*', from: 'x', data: n, seq: 100 + n, offset: n })
  for (const n of [1, 2, 3]) message(n)
  expect(line.sent(1)).toEqual([{ type: 'ack', seq: 103 }])
  message(4)
  line.at(5000)
  expect(line.sent(1).at(-1)).toEqual({ type: 'ack', seq: 104 })
})

test('reports missing, duplicate, late and provisionally delivered messages', () => {
  const line = connected()
  const hear = (seq: number | undefined, offset: number | undefined, more: object = {}) =>
    line.receives(1, { type: 'room_message', room: '*', from: 'x', id: seq ?? 'p', data: seq, seq, offset, ...more })
  hear(101, 1)
  hear(104, 4)
  hear(103, 3)
  hear(104, 4)
  hear(undefined, undefined, { provisional: true })
  hear(105, 5, { id: 'p' })
  hear(undefined, undefined, { provisional: true })
  expect(line.events('gap')).toEqual([{ type: 'gap', why: 'offsets', room: '*', from: 102, to: 103, missing: 2 }])
  expect(line.events('dropped').map(({ why }) => why)).toEqual(['out_of_order', 'duplicate', 'provisional', 'provisional'])
  expect(line.events('message').map(({ message }) => message.seq)).toEqual([101, 104, undefined])
})

test('after a refused resume, the next resume uses the token of the refusal, by which earlier messages are recognised', () => {
  const line = connected()
  line.closes(1, 1006)
  line.at(line.machine.nextAtMs())
  line.opens(2)
  line.receives(2, { ...greeting, resumeToken: 'fresh' })
  line.receives(2, { type: 'error', code: 'resume_unavailable', message: '', resumeToken: 'fresh, with the old scope' })
  line.closes(2, 1006)
  line.at(line.machine.nextAtMs())
  line.opens(3)
  line.receives(3, greeting)
  expect(line.sent(3)).toMatchObject([{ type: 'resume', token: 'fresh, with the old scope' }])
})
