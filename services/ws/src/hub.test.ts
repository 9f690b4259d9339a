/** Tests the hub with simulated sockets and a simulated clock, including internal failures. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
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
  unfinishedBytes = 0
  closedWith: number | null = null
  terminated = false
  paused = false

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
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
}

function setUp(env: Parameters<typeof testConfig>[0] = {}) {
  const config = testConfig(env)
  const time = { nowMs: 0 }
  const errors: object[] = []
  const clock = { now: () => time.nowMs, steady: () => time.nowMs }
  const { roomLog, sessions, presence } = memoryStores(config, clock)
  const { meter, registry } = createMetrics({ version: '0', colour: 'blue', recordMessages: true })
  let taken: (id: string) => void = () => {}
  sessions.onTaken = (callback) => {
    taken = callback
  }
  const limits = { mostRooms: config.MAX_ROOMS_PER_CONNECTION }
  let ids = 0
  const hub = createHub({
    config,
    replica: 'ws-1',
    version: '0',
    clock,
    meter,
    log: { info: () => {}, error: (fields) => void errors.push(fields) },
    roomLog,
    tracer: noTracer,
    history: new History({ messages: config.ROOM_LOG_MESSAGES, bytes: config.ROOM_LOG_BYTES, ageMs: config.ROOM_LOG_AGE }),
    sessions,
    presence,
    mostRooms: () => limits.mostRooms,
    newId: () => `id-${++ids}`,
    tokenFor: ({ sessionId }) => sessionId,
    readToken: (sessionId) => ({ ok: true, sessionId, idScope: sessionId, number: 0 }),
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
  return { hub, roomLog, sessions, taken, time, errors, limits, open, metric }
}

/** Returns a room message with the given sequence number. */
const messageAt = (seq: number, room = '*') => ({
  room,
  head: Buffer.from(`{"type":"room_message","room":"${room}"`),
  publishedAtMs: 0,
  seq,
  offset: seq,
})

test('a handler that throws is answered, logged and counted, and other connections continue', async () => {
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

test('a slow reader receives nothing beyond its limit, and is counted once', async () => {
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

test.each([
  ['unread bytes', { MAX_UNSENT_BYTES: 1500 }, 'bufferedAmount', closeCodes.slow_reader.code],
  ['unfinished messages', { MAX_UNFINISHED_BYTES: 1500 }, 'unfinishedBytes', closeCodes.resource_limit.code],
] as const)(
  'among connections with too many %s in total, the largest is closed, then terminated, and the others stay',
  (_what, env, held, code) => {
    const { hub, open } = setUp(env)
    const sockets = ['ann', 'bob', 'eve'].map((name) => open(name).socket)
    for (const [i, socket] of sockets.entries()) socket[held] = [300, 400, 800][i] ?? 0
    hub.enforceLimits()
    expect(sockets.map(({ closedWith }) => closedWith)).toEqual([null, null, null])
    for (const socket of sockets) socket[held] += 1
    hub.enforceLimits()
    expect(sockets.map(({ closedWith }) => closedWith)).toEqual([null, null, code])
    expect(sockets.map(({ terminated }) => terminated)).toEqual([false, false, false])
    hub.enforceLimits()
    expect(sockets.map(({ closedWith, terminated }) => closedWith ?? terminated)).toEqual([false, false, code])
    expect(sockets[2]?.terminated).toBe(true)
  },
)

test('a nearly full store limits the rooms of a connection, and a session with many rooms is not stored', async () => {
  const { hub, sessions, limits, open } = setUp()
  const [many, few] = [open('many'), open('few')]
  const join = async ({ say, socket }: typeof many, room: string) => {
    say({ type: 'join', room, id: room })
    await new Promise(setImmediate)
    return socket.sent.at(-1)
  }
  expect(await join(few, 'tea')).toMatchObject({ type: 'room_joined' })
  for (const room of ['a', 'b', 'c']) expect(await join(many, room)).toMatchObject({ type: 'room_joined' })
  limits.mostRooms = 2
  expect(await join(many, 'd')).toMatchObject({ type: 'error', code: 'too_many_rooms', id: 'd' })
  expect(await join(few, 'cake')).toMatchObject({ type: 'room_joined' })
  for (const { connection } of [many, few]) hub.closed(connection, closeCodes.abnormal.code)
  expect(sessions.held).toBe(1)
})

test('one revolution pings every connection once, and ends dead ones within one and a half intervals', () => {
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

test('a session expires after its window, and its rooms do not wait for it', async () => {
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

test('messages of a connection are handled in order even during an asynchronous handler', async () => {
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

describe('a client whose messages wait for a slow store', () => {
  /** A client with a rate of 10 messages per second, of which 20 wait because the store does not respond. */
  async function waiting() {
    const lab = setUp({ MAX_MESSAGES_PER_SECOND: 10, HEARTBEAT_INTERVAL: 1_000, CONNECTION_TIMEOUT: 2_000 })
    const { sessions, open, time } = lab
    const stored = Promise.withResolvers<boolean>()
    sessions.save = () => stored.promise
    const client = open('ann')
    client.say({ type: 'join', room: 'tea' })
    const broadcast = (id: number) => client.say({ type: 'broadcast', room: 'tea', id, data: id })
    for (let id = 1; id <= 20; id++) {
      expect(client.socket.paused).toBe(false)
      time.nowMs += 100
      broadcast(id)
    }
    return { ...lab, ...client, broadcast, stored }
  }
  const ids = (sent: ServerMessage[]) => sent.flatMap((message) => (message.type === 'message_response' ? [message.id] : []))
  const range = (most: number) => Array.from({ length: most }, (_, i) => i + 1)

  test('is not read until half of the messages are handled; none is refused, and all are answered in order', async () => {
    const { socket, broadcast, stored, time } = await waiting()
    expect(socket.paused).toBe(true)
    // Frames that the WebSocket library had read before the pause.
    for (let id = 21; id <= 29; id++) broadcast(id)
    time.nowMs += 5_000
    stored.resolve(true)
    await expect.poll(() => socket.paused).toBe(false)
    // The messages of the pause arrive all at once.
    for (let id = 30; id <= 79; id++) broadcast(id)
    await expect.poll(() => ids(socket.sent)).toEqual(range(79))
    expect(socket.sent.filter(({ type }) => type === 'error')).toEqual([])
  })

  test('still receives heartbeats and is not closed as silent, until it is read again', async () => {
    const { hub, socket, stored, time } = await waiting()
    const live = (forMs: number) => {
      for (const endMs = time.nowMs + forMs; time.nowMs < endMs; time.nowMs += hub.tickMs) hub.tick()
    }
    live(10_000)
    expect(socket.sent.filter(({ type }) => type === 'heartbeat').length).toBeGreaterThanOrEqual(10)
    expect([socket.closedWith, socket.terminated]).toEqual([null, false])
    stored.resolve(true)
    await expect.poll(() => socket.paused).toBe(false)
    live(1_000)
    expect([socket.closedWith, socket.terminated]).toEqual([null, false])
    live(3_000)
    expect(socket.closedWith !== null || socket.terminated).toBe(true)
  })

  test('is read when the connection closes, because the close frame must arrive', async () => {
    const { socket, connection } = await waiting()
    connection.close('idle')
    expect(socket.paused).toBe(false)
  })
})

test('a session taken over by another replica closes its socket as replaced, and is no longer held', () => {
  const { hub, sessions, taken, open } = setUp()
  const { socket, connection } = open('ann')
  taken('unknown')
  expect([socket.closedWith, hub.rooms.memberCount]).toEqual([null, 1])
  taken(connection.session.id)
  expect([socket.closedWith, hub.rooms.memberCount]).toEqual([closeCodes.replaced.code, 0])
  hub.closed(connection, closeCodes.replaced.code)
  expect(sessions.held).toBe(0)
})

test('while the store is unavailable, members receive messages at once; a loss of the log is reported to all', () => {
  const { hub, open } = setUp()
  const { socket } = open('ann')
  hub.roomEvents.onProvisional({ room: '*', head: Buffer.from('{"type":"room_message"'), publishedAtMs: 0, key: 'k' })
  expect(socket.sent.at(-1)).toEqual({ type: 'room_message', provisional: true })
  hub.roomEvents.onMessage(messageAt(5))
  hub.roomEvents.onLost(7)
  expect(socket.sent.at(-1)).toMatchObject({ type: 'resume_gap', from: 6, to: 7 })
  hub.roomEvents.onLost(7)
  expect(socket.sent.filter(({ type }) => type === 'resume_gap')).toHaveLength(1)
})

describe('a member that has received more than this replica has read', () => {
  async function member() {
    const { hub, open } = setUp()
    const { socket, say } = open('ann')
    say({ type: 'join', room: 'tea', since: 30 })
    await expect.poll(() => socket.sent.at(-1)).toMatchObject({ type: 'room_joined', seq: 30, history: 0 })
    const heard = () => socket.sent.slice(2).map((message) => ('seq' in message ? message.seq : message))
    return { events: hub.roomEvents, heard }
  }

  test('receives later messages without a gap once the replica has read up to that number', async () => {
    const { events, heard } = await member()
    events.onLost(20)
    for (const seq of [25, 30, 31]) events.onMessage(messageAt(seq, 'tea'))
    expect(heard()).toEqual([31])
  })

  test('is notified of messages that were trimmed from the log meanwhile', async () => {
    const { events, heard } = await member()
    events.onLost(40)
    events.onMessage(messageAt(41, 'tea'))
    expect(heard()).toMatchObject([{ type: 'resume_gap', room: 'tea', from: 31, to: 40 }, 41])
  })

  test('is notified when the log continues without its sequence number', async () => {
    const { events, heard } = await member()
    for (const seq of [25, 35]) events.onMessage(messageAt(seq, 'tea'))
    expect(heard()).toMatchObject([{ type: 'resume_gap', room: 'tea', from: 26, to: 34 }, 35])
  })

  test('is notified when the log ends before its number, but not by an answer to an earlier question', async () => {
    const { events, heard } = await member()
    events.onMessage(messageAt(25, 'tea'))
    events.onEnd(25, 100)
    expect(heard()).toEqual([])
    events.onEnd(25, 101)
    events.onMessage(messageAt(101, 'tea'))
    expect(heard()).toMatchObject([{ type: 'resume_gap', room: 'tea', from: 26, to: 100 }, 101])
  })
})

test('when the log has gone back, all clients are notified of the lost messages after that number', () => {
  const { hub, open } = setUp()
  const { socket } = open('ann')
  for (const seq of [5, 10]) hub.roomEvents.onMessage(messageAt(seq))
  hub.roomEvents.onLost(20, 5)
  expect(socket.sent.at(-1)).toMatchObject({ type: 'resume_gap', from: 6, to: 20 })
})
