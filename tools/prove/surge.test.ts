/** Tests a surge without a scaler, in which the run itself adds and removes one replica; tests/k8s-sim/06-* tests a surge with a scaler. */

import { nodeEnvironment } from '@lab/client/node.ts'
import { paths } from '@lab/contract/endpoints.ts'
import { testReplica } from '@lab/ws/test/harness.ts'
import { expect, test } from 'vitest'
import { type SurgeOptions, surge } from './surge.ts'

/** Performs a surge on a fake lab that records the requested numbers of replicas, with one real replica that accepts the clients. */
async function surgeOn(counts: number[], more: Partial<SurgeOptions> = {}) {
  const { wsUrl } = await testReplica()
  let count = 2
  const lab = {
    replicas: async () => Array.from({ length: count }, (_, i) => ({ name: `ws-${i + 1}`, healthy: true, startedAtSeconds: 1 })),
    scaleTo: async (wanted: number) => {
      counts.push(wanted)
      count = wanted
    },
  }
  const ignore = () => {}
  return surge({
    lab,
    scaler: undefined,
    onClients: ignore,
    log: ignore,
    stop: new AbortController().signal,
    clients: {
      environment: nodeEnvironment,
      dialsPerSecond: 100,
      url: wsUrl + paths.ws,
      sockets: 5,
      rooms: 1,
      seed: 1,
      run: 'more',
      onCrossed: ignore,
      onStored: ignore,
      log: ignore,
    },
    ...more,
  })
}

test('adds one replica for the additional clients, and removes one afterwards', async () => {
  const counts: number[] = []
  const { demands, decisions, faults, handshakes } = await surgeOn(counts)
  expect(counts).toEqual([3, 2])
  expect(demands.map(({ direction }) => direction)).toEqual(['up', 'down'])
  expect(decisions.map(({ from, to, removed }) => [from, to, removed])).toEqual([
    [2, 3, []],
    [3, 2, ['ws-3']],
  ])
  // The removal of the replica is recorded as a fault, because it may end connections.
  expect(faults).toMatchObject([{ kind: 'scale', replica: 'ws-3' }])
  expect(handshakes).toEqual({ attempts: 5, succeeded: 5 })
})

test('ends early when it is stopped', async () => {
  const stop = new AbortController()
  const log = () => setTimeout(() => stop.abort(new Error('ended by SIGINT')), 300)
  const startedAt = performance.now()
  await expect(surgeOn([], { log, stop: stop.signal })).rejects.toThrow('ended by SIGINT')
  expect(performance.now() - startedAt).toBeLessThan(8000)
})
