/** The real Docker, Compose and Prometheus keep the promises of the scaler's ports, as the fakes do. The scaler is paused. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { composeTarget } from '../../scaler/src/adapters/compose.ts'
import { engineHost } from '../../scaler/src/adapters/docker.ts'
import { prometheusSource } from '../../scaler/src/adapters/prometheus.ts'
import { decisionLogPath, readDecisionLog } from '../../scaler/src/decision-log.ts'
import { metricSourceSuite } from '../../scaler/src/fakes/metrics-suite.ts'
import { replicaTargetSuite } from '../../scaler/src/fakes/target-suite.ts'
import { readMetricMap } from '../../scaler/src/metric-map.ts'
import type { MetricSource, ReplicaTarget } from '../../scaler/src/ports.ts'
import { query } from '../stack/lib/prometheus.ts'
import { url } from '../stack/lib/stack.ts'
import { until } from '../stack/lib/until.ts'
import { composeFiles, fromRoot, stateFolder } from './lib/settings.ts'

const stack = inject('stack')

describe('Prometheus', () => {
  let source: MetricSource
  beforeAll(async () => {
    const read = readMetricMap(readFileSync(fromRoot('scaler/metrics.yaml'), 'utf8'), 'metrics.yaml')
    if ('problems' in read) throw new Error(read.problems.join('\n'))
    source = prometheusSource(url(stack, 'PROMETHEUS_PORT'), read.map, services.ws)
    // A rate needs two scrapes.
    await until(
      'CPU of two replicas',
      async () => (await query(stack, 'rate(process_cpu_seconds_total{job="ws"}[20s])')).length === 2,
      40_000,
    )
  })
  metricSourceSuite(() => source)

  test('scrapes the scaler', async () => {
    await until('target scaler', async () => (await query(stack, 'up{job="scaler"} == 1')).length === 1, 20_000)
  })
})

describe('Docker and Compose', () => {
  let target: ReplicaTarget
  beforeAll(async () => {
    const host = await engineHost(process.env)
    // The ports of the other services, so that Compose finds every variable it asks for.
    Object.assign(process.env, stack.env)
    target = composeTarget({ project: stack.project, service: services.ws, files: composeFiles, folder: fromRoot(''), host })
  })
  replicaTargetSuite(() => target)
})

test('a paused scaler goes on deciding, and acted on none of this', async () => {
  const records = await readDecisionLog(fromRoot(decisionLogPath(stateFolder)))
  expect(records.length).toBeGreaterThan(3)
  expect(records.filter(({ paused, action }) => !paused || action !== null)).toEqual([])
  expect(records.some(({ decision }) => decision.currentReplicas === 4)).toBe(true)
})
