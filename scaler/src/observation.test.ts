import { success } from '@lab/contract/result.ts'
import { expect, test } from 'vitest'
import { observationOf } from './observation.ts'
import type { ListedReplica, MetricReadings } from './ports.ts'

const none: MetricReadings = { replicas: [], draining: [], objectValuesMilli: {}, externalValuesMilli: {}, failures: {} }

test('the work is linear in the number of readings', () => {
  const count = 1000
  let reads = 0
  const counted = <T extends object>(rest: T, name: string) => ({
    ...rest,
    get name() {
      reads += 1
      return name
    },
  })
  const names = Array.from({ length: count }, (_, i) => `ws-${i + 1}`)
  const replicas = names.map((name): ListedReplica => ({ name, phase: 'Running', startTimeSeconds: 1, ready: null, containers: [] }))
  const readings: MetricReadings = {
    ...none,
    replicas: names.map((name, i) => counted({ sample: null, valuesMilli: { sockets: i } }, name)),
    draining: names.map((name) => counted({ seenSeconds: 2 }, name)),
  }
  const before = observationOf({ nowSeconds: 5, replicas: success(replicas), readings }, [], 1)
  expect(before.pods.map(({ valuesMilli }) => valuesMilli.sockets)).toEqual(names.map((_, i) => i))
  expect(before.pods.every(({ deleting }) => deleting)).toBe(true)
  const previous = before.pods.map((pod) => counted(pod, pod.name))
  expect(observationOf({ nowSeconds: 6, replicas: success(replicas), readings: none }, previous, 1).scale).toEqual({
    specReplicas: 0,
    statusReplicas: 0,
  })
  expect(reads).toBeLessThan(count * 10)
})
