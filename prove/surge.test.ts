/** A surge where no scaler runs: the run asks for one replica more, and takes it away. With a scaler it is tried in tests/k8s-sim/06-*. */
import { expect, test } from 'vitest'
import { paths } from '../contract/src/endpoints.ts'
import { testReplica } from '../services/ws/test/harness.ts'
import type { Lab } from './lab.ts'
import { nodeEnvironment } from './node-environment.ts'
import { type SurgeOptions, surge } from './surge.ts'

/** A lab that is only counted; its guests are let in by one real replica. */
async function surgeOn(counts: number[], more: Partial<SurgeOptions> = {}) {
  const { wsUrl } = await testReplica()
  let count = 2
  const lab = {
    replicas: async () => Array.from({ length: count }, (_, i) => i + 1),
    scaleTo: async (wanted: number) => {
      counts.push(wanted)
      count = wanted
    },
  } as Partial<Lab> as Lab
  const ignore = () => {}
  return surge({
    ...{ lab, scaler: undefined, onGuests: ignore, log: ignore, stop: new AbortController().signal },
    guests: {
      ...{ environment: nodeEnvironment, dialsPerSecond: 100, url: wsUrl + paths.ws, sockets: 5, rooms: 1, seed: 1, run: 'guests' },
      ...{ onCrossed: ignore, onStored: ignore, log: ignore },
    },
    ...more,
  })
}

test('one replica more while the guests are there, and one less', async () => {
  const counts: number[] = []
  const { demands, decisions, faults, handshakes } = await surgeOn(counts)
  expect(counts).toEqual([3, 2])
  expect(demands.map(({ direction }) => direction)).toEqual(['up', 'down'])
  expect(decisions.map(({ from, to, removed }) => [from, to, removed])).toEqual([
    [2, 3, []],
    [3, 2, ['ws-3']],
  ])
  // What may cost connections.
  expect(faults).toMatchObject([{ kind: 'scale', replica: 'ws-3' }])
  expect(handshakes).toEqual({ attempts: 5, succeeded: 5 })
})

test('it ends early when it is stopped', async () => {
  const stop = new AbortController()
  const log = () => setTimeout(() => stop.abort(new Error('ended by SIGINT')), 300)
  const startedAt = performance.now()
  await expect(surgeOn([], { log, stop: stop.signal })).rejects.toThrow('ended by SIGINT')
  expect(performance.now() - startedAt).toBeLessThan(8000)
})
