/** What one replica takes, and what happens to those who want more of it, read too slowly, or fall silent. */
import { setTimeout as sleep } from 'node:timers/promises'
import { closeCodes } from '@lab/contract/close-codes.ts'
import { paths, refusedHeader } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
import { bystander } from './bystander.ts'
import { patienceMs, type TestSocket, testReplica, until } from './harness.ts'
import { frame, handshake, opcodes, RawPeer } from './raw.ts'

describe('connections', () => {
  test('an upgrade beyond the limit is refused, says when to try again, and is counted', async () => {
    const replica = await testReplica({ MAX_CONNECTIONS: 2 })
    const other = bystander(await replica.connect())
    const second = await replica.connect()
    const peer = await RawPeer.connect(replica.port)
    peer.write(handshake())
    const { status, headers } = await peer.response()
    expect(status).toBe(503)
    expect(headers).toMatchObject({ 'retry-after': '1', [refusedHeader]: 'limit: all 2 connections are taken' })
    expect(await replica.metric(metrics.connectionsRefused.name, { cause: 'limit' })).toBe(1)
    expect(await replica.metric(metrics.connectionsActive.name)).toBe(2)
    // Full is not unready: the replica goes on counting for those who decide on more replicas.
    expect((await fetch(replica.httpUrl + paths.readyz)).status).toBe(200)

    second.close()
    await until(
      () => replica.hub.size,
      (size) => size === 1,
      'a slot is free',
    )
    const third = await replica.connect()
    expect((await third.ask({ type: 'message', data: 'in' }, 'message_response')).data).toBe('in')
    await other.wasNotDisturbed()
  })

  test('fifty upgrades at once fill ten slots exactly', async () => {
    const replica = await testReplica({ MAX_CONNECTIONS: 10 })
    const peers = await Promise.all(Array.from({ length: 50 }, () => RawPeer.connect(replica.port)))
    for (const peer of peers) peer.write(handshake())
    const statuses = await Promise.all(peers.map(async (peer) => (await peer.response()).status))
    expect(statuses.filter((status) => status === 101)).toHaveLength(10)
    expect(statuses.filter((status) => status === 503)).toHaveLength(40)
    expect(replica.hub.size).toBe(10)
    expect(await replica.metric(metrics.connectionsRefused.name, { cause: 'limit' })).toBe(40)
    for (const peer of peers) peer.socket.destroy()
  })
})

describe('a slow reader', () => {
  test('is closed once it is owed more than allowed, and the others in its room miss nothing', async () => {
    const replica = await testReplica({ MAX_SEND_BUFFER_BYTES: 65_536, CLOSE_TIMEOUT: 300, MAX_MESSAGES_PER_SECOND: 100_000 })
    const other = bystander(await replica.connect())
    const slow = await RawPeer.upgraded(replica.port)
    slow.write(frame(opcodes.text, JSON.stringify({ type: 'join', room: 'tea' })))
    await until(
      () => replica.hub.rooms.count('tea'),
      (members) => members === 1,
      'the slow one has joined',
    )
    slow.socket.pause()
    const [reader, sender] = [await replica.connect(), await replica.connect()]
    for (const member of [reader, sender]) await member.ask({ type: 'join', room: 'tea' }, 'room_joined')

    const text = 'x'.repeat(60_000)
    // What the kernel holds on both ends comes before what the replica holds: some megabytes.
    const most = 1_000
    let sent = 0
    for (; sent < most && replica.hub.size === 4; sent++) {
      await sender.ask({ type: 'broadcast', room: 'tea', data: { n: sent, text } }, 'message_response')
      const { data, offset } = await reader.next('room_message')
      expect({ n: (data as { n: number }).n, offset }).toEqual({ n: sent, offset: sent + 1 })
    }
    expect(sent).toBeLessThan(most)
    expect(await replica.metric(metrics.errors.name, { cause: 'slow_reader' })).toBe(1)
    const { code } = closeCodes.slow_reader
    expect(await replica.metric(metrics.connectionsClosed.name, { cause: 'slow_reader', code: String(code) })).toBe(1)
    expect((await reader.ask({ type: 'message', data: 'fine' }, 'message_response')).data).toBe('fine')
    await other.wasNotDisturbed()
    slow.socket.destroy()
  })

  test('that catches up in time reads why it was closed', async () => {
    const replica = await testReplica({ MAX_SEND_BUFFER_BYTES: 65_536, MAX_MESSAGES_PER_SECOND: 100_000 })
    const slow = await replica.connect()
    slow.raw.pause()
    const echo = { type: 'message', data: 'x'.repeat(60_000) }
    for (let i = 0; i < 400; i++) slow.send(echo)
    await until(
      () => replica.metric(metrics.errors.name, { cause: 'slow_reader' }),
      (count) => count === 1,
      'found slow',
    )
    slow.raw.resume()
    expect(await slow.closed).toEqual({ code: closeCodes.slow_reader.code, reason: closeCodes.slow_reader.reason })
  })
})

describe('silence', () => {
  test('a client that sends nothing is closed as idle, one that sends heartbeats is not', async () => {
    const timeoutMs = 400
    const replica = await testReplica({ CONNECTION_TIMEOUT: timeoutMs, HEARTBEAT_INTERVAL: 300 })
    const beating = await replica.connect()
    const openedAt = performance.now()
    const idle = await replica.connect()
    const closed = idle.closed.then((close) => ({ ...close, afterMs: performance.now() - openedAt }))
    const { code, reason, afterMs } = await beatUntil(beating, closed)
    expect({ code, reason }).toEqual({ code: closeCodes.idle.code, reason: closeCodes.idle.reason })
    expect(afterMs).toBeGreaterThanOrEqual(timeoutMs)
    expect(await replica.metric(metrics.connectionsClosed.name, { cause: 'idle' })).toBe(1)
    expect((await beating.ask({ type: 'message', data: 1 }, 'message_response')).data).toBe(1)
  })

  test('a peer that answers no ping is dropped, and its neighbours stay', async () => {
    const intervalMs = 400
    const replica = await testReplica({ HEARTBEAT_INTERVAL: intervalMs })
    const other = bystander(await replica.connect())
    const dead = await RawPeer.upgraded(replica.port)
    const deadSince = performance.now()
    await until(
      () => dead.ended,
      (ended) => ended,
      'the dead peer is cut',
    )
    // The exact bound, one and a half intervals, is proven with a clock of its own in src/heartbeat.test.ts; here others use the processor too.
    expect(performance.now() - deadSince).toBeLessThan(1.5 * intervalMs + 5_000)
    expect(dead.frames().filter(({ opcode }) => opcode === opcodes.ping)).toHaveLength(1)
    expect(await replica.metric(metrics.connectionsClosed.name, { cause: 'heartbeat_lost' })).toBe(1)
    expect(await replica.metric(metrics.connectionsActive.name)).toBe(1)
    await other.wasNotDisturbed()
  })

  test('a peer that answers pings but never a close is cut after its time to close', async () => {
    const replica = await testReplica({ CONNECTION_TIMEOUT: 200, CLOSE_TIMEOUT: 100 })
    const peer = await RawPeer.upgraded(replica.port)
    expect((await peer.closeFrame()).code).toBe(closeCodes.idle.code)
    await until(
      () => (peer.ended ? replica.hub.size : 1),
      (left) => left === 0,
      'cut',
    )
  })
})

/** Sends heartbeats, several in each timeout, until something has come to pass. */
async function beatUntil<T>(socket: TestSocket, fact: Promise<T>): Promise<T> {
  const deadline = Date.now() + patienceMs
  let pending = true
  const settled = fact.finally(() => {
    pending = false
  })
  while (pending && Date.now() < deadline) {
    await socket.ask({ type: 'heartbeat' }, 'heartbeat')
    await Promise.race([settled, sleep(50)])
  }
  return settled
}
