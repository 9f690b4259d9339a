/** Tests a draining replica through its sockets, probes and metrics. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { paths } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { serverMessages } from '../src/protocol.ts'
import { eventually, testReplica } from './harness.ts'

const status = async (url: string) => (await fetch(url)).status

test('a drain sends each socket a goodbye, closes the remaining ones with 1012, and its progress is visible', async () => {
  const replica = await testReplica({ DRAIN_TIMEOUT: 3000 })
  const sockets = await Promise.all([replica.connect(), replica.connect(), replica.connect()])
  for (const path of [paths.readyz, paths.healthReadiness]) expect(await status(replica.httpUrl + path)).toBe(200)
  const drained = replica.drain()
  for (const path of [paths.readyz, paths.healthReadiness]) expect(await status(replica.httpUrl + path)).toBe(503)
  for (const path of [paths.livez, paths.healthz, paths.healthLiveness]) expect(await status(replica.httpUrl + path)).toBe(200)
  const health = await (await fetch(replica.httpUrl + paths.health)).json()
  expect(health).toMatchObject({ status: 'draining', connections: 3, drain: { socketsLeft: 3 } })
  expect(await replica.metric(metrics.replicaState.name, { state: 'draining' })).toBe(1)
  for (const socket of sockets) {
    const goodbye = await socket.next('goodbye')
    expect(serverMessages.goodbye.parse(goodbye)).toEqual(goodbye)
    expect(goodbye.comeBackInMs).toBeLessThanOrEqual(goodbye.windowMs)
  }
  expect(await replica.metric(metrics.goodbyes.name)).toBe(3)
  sockets[0]?.close()
  await eventually(
    () => replica.metric(metrics.drainSocketsLeft.name),
    (left) => left === 2,
    'one socket left',
  )
  for (const socket of sockets.slice(1)) expect((await socket.closed).code).toBe(closeCodes.draining.code)
  await drained
})

test('a draining replica accepts new sockets until the router stops routing to it, and sends them a goodbye', async () => {
  const replica = await testReplica({ DRAIN_DELAY: 300, DRAIN_TIMEOUT: 5000 })
  const drained = replica.drain()
  const late = await replica.connect()
  await late.ask({ type: 'message', data: 1 }, 'message_response')
  await late.next('goodbye')
  late.close()
  await drained
})

test('a second request changes nothing, and a request to end at once closes all sockets with 1012', async () => {
  const replica = await testReplica({ DRAIN_DELAY: 60_000, DRAIN_TIMEOUT: 60_000, LAST_SCRAPE_TIMEOUT: 60_000 })
  const socket = await replica.connect()
  void replica.drain()
  void replica.drain()
  expect((await socket.ask({ type: 'message', data: 'still served' }, 'message_response')).data).toBe('still served')
  const drained = replica.drain({ atOnce: true })
  expect((await socket.closed).code).toBe(closeCodes.draining.code)
  await drained
})

test('metrics are served until one more scrape, so that the last counts are collected', async () => {
  const replica = await testReplica({ LAST_SCRAPE_TIMEOUT: 60_000 })
  const socket = await replica.connect()
  const drained = replica.drain()
  await socket.next('goodbye')
  socket.close()
  await eventually(
    () => replica.state(),
    (state) => state === 'closed',
    'sockets gone',
  )
  await expect(fetch(replica.httpUrl + paths.livez)).rejects.toThrow()
  expect(await replica.metric(metrics.connectionsClosed.name, { cause: 'normal' })).toBe(1)
  await drained
  await expect(replica.metric(metrics.connectionsActive.name)).rejects.toThrow()
})

test('the wait for a last scrape has a limit', async () => {
  const replica = await testReplica({ LAST_SCRAPE_TIMEOUT: 50 })
  await replica.drain()
  expect(replica.state()).toBe('closed')
})
