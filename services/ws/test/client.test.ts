/** Tests the WebSocket client against a real replica. */
import { paths } from '@lab/contract/endpoints.ts'
import { describe, expect, test } from 'vitest'
import { stallingProxy, type TestClient, testClient } from './client-lab.ts'
import { eventually, testReplica } from './harness.ts'

const isOpen = (client: TestClient) =>
  eventually(
    () => client.state,
    ({ word }) => word === 'open',
    'the client is open',
  )
const answered = (client: TestClient, count: number) =>
  eventually(
    () => client.stats.answered,
    (n) => n >= count,
    `${count} answers`,
  )
const has = (client: TestClient, data: unknown[]) =>
  eventually(
    () => client.data('tea'),
    (got) => got.length >= data.length,
    'room messages',
  ).then((got) => expect(got).toEqual(data))

test('connects, receives answers and room messages, and closes for good', async () => {
  const replica = await testReplica()
  const [ann, bob] = [0, 1].map(() => testClient({ url: replica.wsUrl + paths.ws, rooms: ['tea'] })) as [TestClient, TestClient]
  await answered(ann, 1)
  await answered(bob, 1)
  const id = ann.send({ any: 'value' })
  ann.broadcast('tea', 'hello')
  await answered(ann, 3)
  await has(bob, ['hello'])
  expect(ann.of('answered')).toContainEqual(expect.objectContaining({ id, request: 'message', data: { any: 'value' }, sends: 1 }))
  expect(ann.of('answered').at(-1)).toMatchObject({ request: 'broadcast', stored: true, seq: expect.any(Number) })
  expect(ann.state).toMatchObject({ word: 'open', replica: 'ws-test' })
  bob.leave('tea')
  await answered(bob, 2)
  ann.broadcast('tea', 'not for bob')
  await answered(ann, 4)
  ann.close()
  expect(ann.state.word).toBe('closed')
  expect(() => ann.send(1)).toThrow('message: the client is closed')
  await eventually(
    () => replica.hub.size,
    (size) => size === 1,
    'one has left',
  )
  expect(bob.data('tea')).toEqual(['hello'])
})

test('after a cut connection, missed messages arrive and unanswered requests are sent again', async () => {
  const replica = await testReplica()
  const proxy = await stallingProxy(replica.port)
  const ann = testClient({ url: `ws://127.0.0.1:${proxy.port}${paths.ws}`, rooms: ['tea'] })
  const bob = testClient({ url: replica.wsUrl + paths.ws, rooms: ['tea'] })
  await answered(ann, 1)
  await answered(bob, 1)
  for (let round = 0; round < 5; round++) {
    proxy.reset()
    ann.broadcast('tea', `ann ${round}`)
    bob.broadcast('tea', `bob ${round}`)
    await isOpen(ann)
    await answered(ann, round + 2)
  }
  await answered(bob, 6)
  await eventually(
    () => [ann, bob].map((client) => client.data('tea').length),
    (counts) => counts.every((count) => count === 10),
    'both have all ten',
  )
  expect(ann.data('tea')).toEqual(bob.data('tea'))
  expect(ann.stats).toMatchObject({ resumes: 5, gaps: 0, missing: 0, unanswered: 0 })
  expect(bob.stats).toMatchObject({ reconnects: 0, gaps: 0 })
})

test('after a goodbye, the client waits, dials, and only then leaves the draining replica', async () => {
  const replica = await testReplica({ DRAIN_TIMEOUT: 3000, DRAIN_DELAY: 100 })
  const elsewhere = await testReplica()
  let url = replica.wsUrl + paths.ws
  const forgotten: string[] = []
  const ann = testClient({ url: () => url, rooms: ['tea'], forgetReplica: (reason) => void forgotten.push(reason) })
  await answered(ann, 1)
  url = elsewhere.wsUrl + paths.ws
  void replica.drain()
  await eventually(
    () => ann.of('attached').length,
    (count) => count === 2,
    'it has moved',
  )
  expect(ann.of('goodbye')).toMatchObject([{ reason: 'draining', replica: 'ws-test' }])
  expect(forgotten).toEqual(['draining'])
  const order = ann.events.flatMap((event) => (event.type === 'attached' || event.type === 'closed' ? [event.type] : []))
  expect(order).toEqual(['attached', 'closed', 'attached'])
  // Without a shared store, the second replica does not know the client's session.
  // The client gets a new session from the second replica and joins the same rooms again.
  expect(ann.of('attached')[1]).toMatchObject({ how: 'fresh', refused: 'resume_invalid' })
  ann.broadcast('tea', 'still here')
  await has(ann, ['still here'])
})

test('reconnects after close code 1012, but not after 1008', async () => {
  const replica = await testReplica({ MAX_MESSAGES_PER_SECOND: 100 })
  const ann = testClient({ url: replica.wsUrl + paths.ws })
  await isOpen(ann)
  replica.hub.closeAll('draining')
  await eventually(
    () => ann.stats.resumes,
    (n) => n === 1,
    'it is back',
  )
  expect(ann.of('closed')[0]).toMatchObject({ code: 1012, why: 'remote', opened: true })
  replica.hub.closeAll('rate_abuse')
  await eventually(
    () => ann.state.word,
    (word) => word === 'closed',
    'it stays away',
  )
  expect(ann.state).toMatchObject({ closeCode: 1008, reason: 'too many messages' })
})

test('detects a half-open connection within two heartbeat intervals, and replaces it', async () => {
  const heartbeatMs = 1000
  const replica = await testReplica({ HEARTBEAT_INTERVAL: heartbeatMs, CONNECTION_TIMEOUT: 60_000 })
  const proxy = await stallingProxy(replica.port)
  const ann = testClient({ url: `ws://127.0.0.1:${proxy.port}${paths.ws}`, rooms: ['tea'], connectTimeoutMs: 1000 })
  await answered(ann, 1)
  const stalledAtMs = performance.now()
  proxy.stall()
  const noticedAtMs = await eventually(
    () => (ann.stats.halfOpen === 1 ? performance.now() : 0),
    (at) => at > 0,
    'it notices',
  )
  proxy.heal()
  // The unit test of the client's state machine checks the exact time at which the client detects a half-open connection.
  // This test allows more time than the unit test, because timers may be late on a busy machine.
  expect(noticedAtMs - stalledAtMs).toBeLessThan(2 * heartbeatMs + 1000)
  await eventually(
    () => ann.stats.resumes,
    (n) => n === 1,
    'it is back, in a new connection',
  )
  const [first, ...others] = ann.of('closed')
  expect(first).toMatchObject({ why: 'half_open', code: 1006 })
  // The client may have opened a new connection before the proxy resumed forwarding data.
  expect(others.filter(({ why }) => why !== 'connect_timeout')).toEqual([])
  ann.broadcast('tea', 'alive')
  await has(ann, ['alive'])
})

test('a quiet connection is neither taken for dead nor closed as idle', async () => {
  const replica = await testReplica({ HEARTBEAT_INTERVAL: 300, CONNECTION_TIMEOUT: 900 })
  const ann = testClient({ url: replica.wsUrl + paths.ws })
  await isOpen(ann)
  await eventually(
    () => replica.metric('websocket_messages_sent_total', { type: 'heartbeat' }),
    (sent) => sent >= 12,
    'several heartbeats',
  )
  expect(ann.of('closed')).toEqual([])
})

describe('a session that cannot be resumed', () => {
  test('is replaced by a new session that requests the missed messages of its rooms, and no message is stored twice', async () => {
    const replica = await testReplica({ RESUME_WINDOW: 0 })
    const proxy = await stallingProxy(replica.port)
    const ann = testClient({ url: `ws://127.0.0.1:${proxy.port}${paths.ws}`, rooms: ['tea'], connectTimeoutMs: 1000 })
    const bob = testClient({ url: replica.wsUrl + paths.ws, rooms: ['tea'] })
    await answered(ann, 1)
    await answered(bob, 1)
    proxy.stall()
    proxy.reset()
    await eventually(
      () => replica.hub.size,
      (size) => size === 1,
      'the replica noticed',
    )
    bob.broadcast('tea', 'missed')
    await answered(bob, 2)
    proxy.heal()
    await has(ann, ['missed'])
    expect(ann.of('attached')[1]).toMatchObject({ how: 'fresh', refused: 'resume_unknown' })
    ann.broadcast('tea', 'after')
    await has(ann, ['missed', 'after'])
    await has(bob, ['missed', 'after'])
  })
})

test('messages that are no longer stored are reported as a gap', async () => {
  const replica = await testReplica({ ROOM_LOG_MESSAGES: 3 })
  const proxy = await stallingProxy(replica.port)
  const ann = testClient({ url: `ws://127.0.0.1:${proxy.port}${paths.ws}`, rooms: ['tea'], connectTimeoutMs: 1000 })
  const bob = testClient({ url: replica.wsUrl + paths.ws, rooms: ['tea'] })
  await answered(ann, 1)
  await answered(bob, 1)
  bob.broadcast('tea', 0)
  await has(ann, [0])
  proxy.stall()
  proxy.reset()
  for (let n = 1; n <= 10; n++) bob.broadcast('tea', n)
  await answered(bob, 12)
  proxy.heal()
  await has(ann, [0, 8, 9, 10])
  expect(ann.of('gap')).toMatchObject([{ why: 'resume_gap' }, { why: 'offsets', room: 'tea', missing: 7 }])
  expect(ann.stats.missing).toBe(7)
})

test('refused handshakes are repeated at increasing intervals', async () => {
  const replica = await testReplica({ MAX_CONNECTIONS: 1 })
  const first = testClient({ url: replica.wsUrl + paths.ws })
  await isOpen(first)
  const second = testClient({ url: replica.wsUrl + paths.ws, backoffBaseMs: 20 })
  await eventually(
    () => second.of('closed').length,
    (count) => count >= 3,
    'three refusals',
  )
  expect(second.of('closed')[0]).toMatchObject({ opened: false, code: 1006 })
  first.close()
  await isOpen(second)
})

test('many requests at once stay below the allowed rate', async () => {
  const replica = await testReplica({ MAX_MESSAGES_PER_SECOND: 100 })
  const ann = testClient({ url: replica.wsUrl + paths.ws, maxUnanswered: 200 })
  for (let n = 0; n < 200; n++) ann.send(n)
  expect(() => ann.send('one more')).toThrow('message: 200 requests wait for an answer; the maximum is 200')
  await answered(ann, 200)
  expect(ann.of('answered').map(({ data }) => data)).toEqual(Array.from({ length: 200 }, (_, n) => n))
  expect(ann.of('error')).toEqual([])
})

test('refuses a message that is too large, because the server would close the connection for good', async () => {
  const replica = await testReplica({ MAX_FRAME_BYTES: 1024 })
  const ann = testClient({ url: replica.wsUrl + paths.ws })
  ann.send('ä'.repeat(600))
  await eventually(
    () => ann.of('refused').length,
    (count) => count === 1,
    'it is refused',
  )
  expect(ann.of('refused')[0]).toMatchObject({ code: 'frame_too_large', text: expect.stringContaining('allowed: 1024') })
  ann.send('small')
  await answered(ann, 1)
})
