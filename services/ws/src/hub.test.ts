/** What only a hub without sockets can show: failures that should not happen, and a clock that the test turns. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { sumSeries, testConfig } from '../test/harness.ts'
import type { Socket } from './connection.ts'
import { createHub } from './hub.ts'
import type { HubSession } from './membership.ts'
import { createMetrics } from './metrics.ts'
import type { ServerMessage } from './protocol.ts'
import { MemoryRoomBus } from './rooms.ts'
import { MemorySessionStore } from './sessions.ts'

class FakeSocket implements Socket {
  sent: ServerMessage[] = []
  pings = 0
  bufferedAmount = 0
  closedWith: number | null = null
  terminated = false

  sendText(head: string | Buffer, tail: string): number {
    const text = head + tail
    this.sent.push(JSON.parse(text) as ServerMessage)
    return text.length
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
  const bus = new MemoryRoomBus()
  const { meter, registry } = createMetrics({ version: '0', recordMessages: true })
  let ids = 0
  const hub = createHub({
    config,
    replica: 'ws-1',
    clock: { now: () => time.nowMs, steady: () => time.nowMs },
    meter,
    log: { info: () => {}, error: (fields) => void errors.push(fields) },
    bus,
    sessions: new MemorySessionStore<HubSession>(config.RESUME_WINDOW, config.MAX_HELD_SESSIONS),
    newId: () => `id-${++ids}`,
    tokenFor: (id) => id,
    readToken: (sessionId) => ({ ok: true, sessionId }),
  })
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
  return { hub, bus, time, errors, open, metric }
}

test('a message that fails on our side is answered, logged and counted; the others go on', async () => {
  const { bus, errors, open, metric } = setUp()
  const [ann, bob] = [open('ann'), open('bob')]
  const broken = new Error('the bus broke')
  bus.publish = () => {
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
  const { bus, open, metric } = setUp({ MAX_SEND_BUFFER_BYTES: 1024 })
  const { socket, say } = open('ann')
  socket.bufferedAmount = 1024
  say({ type: 'message', data: 'at the limit' })
  expect(socket.sent).toHaveLength(2)
  socket.bufferedAmount = 1025
  for (let i = 0; i < 3; i++) bus.publish({ room: '*', head: Buffer.from('{"type":"room_message"'), publishedAtMs: 0 })
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

test('a session is given up when its window is over, and its rooms with it', () => {
  const { hub, time, open } = setUp({ RESUME_WINDOW: 1_000 })
  const { connection, say } = open('ann')
  say({ type: 'join', room: 'tea' })
  hub.closed(connection, closeCodes.abnormal.code)
  hub.closed(connection, closeCodes.abnormal.code)
  expect([hub.size, hub.rooms.count('tea')]).toEqual([0, 1])
  time.nowMs = 1_000
  hub.tick()
  expect(hub.rooms.memberCount).toBe(0)
})
