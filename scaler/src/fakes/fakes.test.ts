/**
 * Runs the test suites for the scaler's port interfaces against the fakes. The tests in tests/k8s-sim run the same suites against Docker
 * and Prometheus.
 */
import { metrics } from '@lab/contract/metrics.ts'
import { describe } from 'vitest'
import { fakeMetrics, noReadings } from './fake-metrics.ts'
import { fakeTarget } from './fake-target.ts'
import { metricSourceSuite } from './metrics-suite.ts'
import { replicaTargetSuite } from './target-suite.ts'

const now = 1_700_000_000
const requestsMilli = { cpu: 250, memory: 128 * 2 ** 20 * 1000 }

describe('replicas in memory', () => {
  const target = fakeTarget({ count: 2, service: 'ws', nowSeconds: () => now, requestsMilli })
  replicaTargetSuite(() => target)
})

describe('metrics in memory', () => {
  const source = fakeMetrics()
  source.readings = {
    ...noReadings,
    replicas: ['ws-1', 'ws-2'].map((name) => ({
      name,
      sample: { timeSeconds: now, windowSeconds: 20, usageMilli: { ws: { cpu: 100 } } },
      valuesMilli: { [metrics.connectionsActive.name]: 5000 },
    })),
  }
  metricSourceSuite(() => source)
})
