/** Tests a replica's limits with clients that exceed them, read too slowly or send nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { closeCodes } from '@lab/contract/close-codes.ts'
import { paths, refusedHeader } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
import { bystander } from './bystander.ts'
import { eventually, patienceMs, type TestSocket, testReplica } from './harness.ts'
import { frame, handshake, opcodes, RawPeer } from './raw.ts'

describe('connections', () => {
  test('an upgrade beyond the limit is refused with a Retry-After header, and counted', async () => {
    const replica = await testReplica({ MAX_CONNECTIONS: 2 })
    const other = bystander(await replica.connect())
    const second = await replica.connect()
    const peer = await RawPeer.connect(replica.port)
    peer.write(handshake())
    const { status, headers } = await peer.response()
    expect(status).toBe(503)
    expect(headers).toMatchObject({ 'retry-after': '1', [refusedHeader]: 'limit: the replica has reached its limit of 2 connections' })
    expect(await replica.metric(metrics.connectionsRefused.name, { cause: 'limit' })).toBe(1)
    expect(await replica.metric(metrics.connectionsActive.name)).toBe(2)
    // A full replica still reports that it is ready, so that autoscalers count it.
    expect((await fetch(replica.httpUrl + paths.readyz)).status).toBe(200)

    second.close()
    await eventually(
      () => replica.hub.size,
      (size) => size === 1,
      'a slot is free',
    )
    const third = await replica.connect()
    expect((await third.ask({ type: 'message', data: 'in' }, 'message_response')).data).toBe('in')
    await other.wasNotDisturbed()
  })

  test('of fifty concurrent upgrades, exactly ten get the ten slots', async () => {
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
  test('is closed beyond its limit, and the other members of its room miss nothing', async () => {
    const replica = await testReplica({ MAX_SEND_BUFFER_BYTES: 65_536, CLOSE_TIMEOUT: 300, MAX_MESSAGES_PER_SECOND: 100_000 })
    const other = bystander(await replica.connect())
    const slow = await RawPeer.upgraded(replica.port)
    slow.write(frame(opcodes.text, JSON.stringify({ type: 'join', room: 'tea' })))
    await eventually(
      () => replica.hub.rooms.count('tea'),
      (members) => members === 1,
      'the slow one has joined',
    )
    slow.socket.pause()
    const [reader, sender] = [await replica.connect(), await replica.connect()]
    for (const member of [reader, sender]) await member.ask({ type: 'join', room: 'tea' }, 'room_joined')

    const text = 'x'.repeat(60_000)
    // The kernel buffers at both ends of the connection fill up before the replica's buffers. The kernel buffers hold several megabytes.
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

  test('that catches up in time receives the reason of the close', async () => {
    const replica = await testReplica({ MAX_SEND_BUFFER_BYTES: 65_536, MAX_MESSAGES_PER_SECOND: 100_000 })
    const slow = await replica.connect()
    slow.raw.pause()
    const echo = { type: 'message', data: 'x'.repeat(60_000) }
    for (let i = 0; i < 400; i++) slow.send(echo)
    await eventually(
      () => replica.metric(metrics.errors.name, { cause: 'slow_reader' }),
      (count) => count === 1,
      'found slow',
    )
    slow.raw.resume()
    expect(await slow.closed).toEqual({ code: closeCodes.slow_reader.code, reason: closeCodes.slow_reader.reason })
  })
})

describe('limits for all connections together', () => {
  test('unfinished messages: the connections with the largest are closed, the others and their messages are not', async () => {
    const replica = await testReplica({ MAX_UNFINISHED_BYTES: 200_000, CLOSE_TIMEOUT: 300 })
    const other = bystander(await replica.connect())
    const begun = (bytes: number) => frame(opcodes.text, `{"type":"message","data":"${'x'.repeat(bytes)}`, { fin: false })
    const small = await RawPeer.upgraded(replica.port)
    small.write(begun(1_000))
    const hoarders = await Promise.all(Array.from({ length: 10 }, () => RawPeer.upgraded(replica.port)))
    // Some clients stop in the middle of a fragmented message, and others in the middle of a frame.
    for (const [i, peer] of hoarders.entries())
      peer.write(i % 2 === 0 ? begun(40_000) : frame(opcodes.text, 'x'.repeat(40_000)).subarray(0, 39_000))
    const left = await eventually(
      () => replica.hub.size - 2,
      (size) => size <= 5,
      'enough hoarders are gone',
    )
    expect(left).toBeGreaterThan(0)
    const gone = hoarders.length - left
    const { code, reason } = closeCodes.resource_limit
    expect(await replica.metric(metrics.connectionsClosed.name, { cause: 'resource_limit', code: String(code) })).toBe(gone)
    const closed = await eventually(
      () => hoarders.filter((peer) => peer.frames().some(({ opcode }) => opcode === opcodes.close)),
      ({ length }) => length === gone,
      'their close frames',
    )
    for (const peer of closed) expect(await peer.closeFrame()).toEqual({ code, reason })
    small.write(frame(opcodes.continuation, '"}'))
    await eventually(
      () => small.messages().at(-1)?.type,
      (type) => type === 'message_response',
      'the small message is answered',
    )
    await other.wasNotDisturbed()
    for (const peer of [small, ...hoarders]) peer.socket.destroy()
  })

  test('tiny fragments count with the memory that each of them needs', async () => {
    const replica = await testReplica({ MAX_UNFINISHED_BYTES: 100_000, CLOSE_TIMEOUT: 300 })
    const other = bystander(await replica.connect())
    const peers = await Promise.all(Array.from({ length: 10 }, () => RawPeer.upgraded(replica.port)))
    const fragments = Array.from({ length: 100 }, (_, i) => frame(i === 0 ? opcodes.text : opcodes.continuation, 'x', { fin: false }))
    for (const peer of peers) peer.write(Buffer.concat(fragments))
    await eventually(
      () => replica.metric(metrics.connectionsClosed.name, { cause: 'resource_limit' }),
      (closed) => closed > 0,
      'one of them is closed',
    )
    await other.wasNotDisturbed()
    for (const peer of peers) peer.socket.destroy()
  })

  test('a frame that arrives in single bytes needs no more memory than its size allows', async () => {
    const replica = await testReplica({ CLOSE_TIMEOUT: 100 })
    const other = bystander(await replica.connect())
    const peer = await RawPeer.upgraded(replica.port)
    peer.socket.setNoDelay(true)
    const bytes = frame(opcodes.text, 'x'.repeat(20_000))
    for (let at = 0; at < bytes.length && replica.hub.size === 2; at++) {
      peer.write(bytes.subarray(at, at + 1))
      await new Promise(setImmediate)
    }
    expect(await peer.closeFrame()).toEqual({ code: closeCodes.frame_too_large.code, reason: closeCodes.frame_too_large.reason })
    await other.wasNotDisturbed()
    peer.socket.destroy()
  })

  test('memberships: the connection in most rooms is closed', async () => {
    const replica = await testReplica({ MAX_MEMBERSHIPS: 12 })
    const other = bystander(await replica.connect())
    const [few, many] = [await replica.connect(), await replica.connect()]
    for (let i = 0; i < 3; i++) await few.ask({ type: 'join', room: `few-${i}` }, 'room_joined')
    for (let i = 0; i < 10; i++) many.send({ type: 'join', room: `many-${i}` })
    const { code, reason } = closeCodes.resource_limit
    expect(await many.closed).toEqual({ code, reason })
    expect((await few.ask({ type: 'broadcast', room: 'few-0', data: 1 }, 'message_response')).type).toBe('message_response')
    await other.wasNotDisturbed()
  })
})

describe('silence', () => {
  test('a client that sends nothing is closed as idle, and one that sends heartbeats is not', async () => {
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

  test('a peer that answers no ping is disconnected, and other connections stay', async () => {
    const intervalMs = 400
    const replica = await testReplica({ HEARTBEAT_INTERVAL: intervalMs })
    const other = bystander(await replica.connect())
    const dead = await RawPeer.upgraded(replica.port)
    const deadSince = performance.now()
    await eventually(
      () => dead.ended,
      (ended) => ended,
      'the dead peer is cut',
    )
    // The unit test src/heartbeat.test.ts checks the exact bound of 1.5 intervals.
    // This test allows five seconds more than the unit test, because the machine may be busy.
    expect(performance.now() - deadSince).toBeLessThan(1.5 * intervalMs + 5_000)
    expect(dead.frames().filter(({ opcode }) => opcode === opcodes.ping)).toHaveLength(1)
    expect(await replica.metric(metrics.connectionsClosed.name, { cause: 'heartbeat_lost' })).toBe(1)
    expect(await replica.metric(metrics.connectionsActive.name)).toBe(1)
    await other.wasNotDisturbed()
  })

  test('a peer that answers pings but no close frame is terminated after the close timeout', async () => {
    const replica = await testReplica({ CONNECTION_TIMEOUT: 200, CLOSE_TIMEOUT: 100 })
    const peer = await RawPeer.upgraded(replica.port)
    expect((await peer.closeFrame()).code).toBe(closeCodes.idle.code)
    await eventually(
      () => (peer.ended ? replica.hub.size : 1),
      (left) => left === 0,
      'cut',
    )
  })
})

/** Sends a heartbeat message about every 50 ms until the given promise settles. */
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
