/** What only a hub without sockets can show: failures that should not happen, and a clock that the test turns. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { sumSeries, testConfig } from '../test/harness.ts'
import type { Socket } from './connection.ts'
import { History } from './history.ts'
import { createHub } from './hub.ts'
import { createMetrics } from './metrics.ts'
import type { ServerMessage } from './protocol.ts'
import { memoryStores } from './stores.ts'
import { noTracer } from './telemetry/tracer.ts'
import type { TextFrame } from './text-frame.ts'

class FakeSocket implements Socket {
  sent: ServerMessage[] = []
  pings = 0
  bufferedAmount = 0
  closedWith: number | null = null
  terminated = false

  sendFrame({ frame, payloadBytes }: TextFrame): boolean {
    this.sent.push(JSON.parse(frame.subarray(frame.length - payloadBytes).toString()) as ServerMessage)
    return true
  }
  ping(): void {
    this.pings++
  }
  pong(): void {}
  close(code: number): void {
    this.closedWith = code
  }
  terminate(): void {
    this.terminated = true
  }
}

function setUp(env: Parameters<typeof testConfig>[0] = {}) {
  const config = testConfig(env)
  const time = { nowMs: 0 }
  const errors: object[] = []
  const clock = { now: () => time.nowMs, steady: () => time.nowMs }
  const { roomLog, sessions, presence } = memoryStores(config, clock)
  const { meter, registry } = createMetrics({ version: '0', recordMessages: true })
  let taken: (id: string) => void = () => {}
  sessions.onTaken = (callback) => {
    taken = callback
  }
  let ids = 0
  const hub = createHub({
    config,
    replica: 'ws-1',
    clock,
    meter,
    log: { info: () => {}, error: (fields) => void errors.push(fields) },
    roomLog,
    tracer: noTracer,
    history: new History({ messages: config.ROOM_LOG_MESSAGES, bytes: config.ROOM_LOG_BYTES, ageMs: config.ROOM_LOG_AGE }),
    sessions,
    presence,
    newId: () => `id-${++ids}`,
    tokenFor: (id) => id,
    readToken: (sessionId) => ({ ok: true, sessionId }),
  })
  void roomLog.start(hub.roomEvents)
  const open = (connectionId: string) => {
    const socket = new FakeSocket()
    const connection = hub.open(socket, { connectionId, requestId: `req-${connectionId}` })
    const say = (message: object) => {
      const text = JSON.stringify(message)
      hub.receive(connection, text, text.length)
    }
    return { socket, connection, say }
  }
  const metric = async (name: string, labels: Record<string, string> = {}) => sumSeries(await registry.metrics(), name, labels)
  return { hub, roomLog, sessions, taken, time, errors, open, metric }
}

test('a message that fails on our side is answered, logged and counted; the others go on', async () => {
  const { roomLog, errors, open, metric } = setUp()
  const [ann, bob] = [open('ann'), open('bob')]
  const broken = new Error('the log broke')
  roomLog.publish = () => {
    throw broken
  }
  ann.say({ type: 'broadcast', id: 'b', data: 1 })
  expect(ann.socket.sent.at(-1)).toMatchObject({ type: 'error', code: 'internal', id: 'b' })
  expect(errors).toEqual([{ err: broken, connectionId: 'ann', requestId: 'req-ann' }])
  expect(await metric(metrics.errors.name, { cause: 'internal' })).toBe(1)
  for (const { say, socket } of [ann, bob]) {
    say({ type: 'message', data: 'on' })
    expect(socket.sent.at(-1)).toMatchObject({ type: 'message_response', data: 'on' })
  }
})

test('a slow reader gets nothing more once it is owed more than allowed, and is counted once', async () => {
  const { roomLog, open, metric } = setUp({ MAX_SEND_BUFFER_BYTES: 1024 })
  const { socket, say } = open('ann')
  socket.bufferedAmount = 1024
  say({ type: 'message', data: 'at the limit' })
  expect(socket.sent).toHaveLength(2)
  socket.bufferedAmount = 1025
  for (let i = 0; i < 3; i++) {
    roomLog.publish({ room: '*', head: Buffer.from('{"type":"room_message"'), publishedAtMs: 0, key: `${i}` }, () => {})
  }
  expect(socket.sent).toHaveLength(2)
  expect(socket.closedWith).toBe(closeCodes.slow_reader.code)
  expect(await metric(metrics.errors.name, { cause: 'slow_reader' })).toBe(1)
})

test('a full turn of the wheel pings everybody once, and drops within one and a half intervals who does not answer', () => {
  const intervalMs = 30_000
  const { hub, time, open } = setUp({ HEARTBEAT_INTERVAL: intervalMs })
  const peers = Array.from({ length: 1_000 }, (_, i) => open(`peer-${i}`))
  const [dead, ...living] = peers
  let mostPerTick = 0
  let diedAfterMs = 0
  while (diedAfterMs === 0 && time.nowMs < 2 * intervalMs) {
    time.nowMs += hub.tickMs
    const before = peers.reduce((sum, { socket }) => sum + socket.pings, 0)
    hub.tick()
    mostPerTick = Math.max(mostPerTick, peers.reduce((sum, { socket }) => sum + socket.pings, 0) - before)
    for (const { connection } of living) hub.pong(connection)
    if (dead?.socket.terminated) diedAfterMs = time.nowMs
  }
  expect(diedAfterMs).toBeGreaterThan(0)
  expect(diedAfterMs).toBeLessThanOrEqual(1.5 * intervalMs)
  expect(mostPerTick).toBeLessThanOrEqual(Math.ceil(1_000 / 256))
  expect(living.every(({ socket }) => !socket.terminated && socket.pings >= 1)).toBe(true)
})

test('a session is given up when its window is over; its rooms do not wait for it', async () => {
  const { hub, time, open, sessions } = setUp({ RESUME_WINDOW: 1_000 })
  const { connection, say } = open('ann')
  say({ type: 'join', room: 'tea' })
  await expect.poll(() => hub.rooms.count('tea')).toBe(1)
  hub.closed(connection, closeCodes.abnormal.code)
  hub.closed(connection, closeCodes.abnormal.code)
  expect([hub.size, hub.rooms.memberCount, sessions.held]).toEqual([0, 0, 1])
  time.nowMs = 1_000
  hub.tick()
  expect(sessions.held).toBe(0)
})

test('messages of a connection are handled in order, also those that come while an earlier one takes time; too many are refused', async () => {
  const { sessions, open } = setUp({ MAX_MESSAGES_PER_SECOND: 10 })
  const { socket, say } = open('ann')
  const stored = Promise.withResolvers<boolean>()
  sessions.save = () => stored.promise
  say({ type: 'join', room: 'tea' })
  say({ type: 'broadcast', room: 'tea', id: 'b', data: 1 })
  expect(socket.sent.map(({ type }) => type)).toEqual(['connection_established'])
  stored.resolve(true)
  await expect
    .poll(() => socket.sent.map(({ type }) => type))
    .toEqual(['connection_established', 'room_joined', 'room_message', 'message_response'])
})

test('a session that another replica takes over leaves here: its socket is closed as replaced, and nothing of it is held', () => {
  const { hub, sessions, taken, open } = setUp()
  const { socket, connection } = open('ann')
  taken('unknown')
  expect([socket.closedWith, hub.rooms.memberCount]).toEqual([null, 1])
  taken(connection.session.id)
  expect([socket.closedWith, hub.rooms.memberCount]).toEqual([closeCodes.replaced.code, 0])
  hub.closed(connection, closeCodes.replaced.code)
  expect(sessions.held).toBe(0)
})

test('while the store is away members here are sent messages at once; what this replica missed of the log is said to everybody', () => {
  const { hub, open } = setUp()
  const { socket } = open('ann')
  hub.roomEvents.onProvisional({ room: '*', head: Buffer.from('{"type":"room_message"'), publishedAtMs: 0, key: 'k' })
  expect(socket.sent.at(-1)).toEqual({ type: 'room_message', provisional: true })
  hub.roomEvents.onLost(7)
  expect(socket.sent.at(-1)).toMatchObject({ type: 'resume_gap', from: 1, to: 7 })
  hub.roomEvents.onLost(7)
  expect(socket.sent.filter(({ type }) => type === 'resume_gap')).toHaveLength(1)
})
