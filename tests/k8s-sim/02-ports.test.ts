/** The real Docker, Compose and Prometheus keep the promises of the scaler's ports, as the fakes do. The scaler is paused. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { composeTarget } from '../../scaler/src/adapters/compose.ts'
import { engineHost } from '../../scaler/src/adapters/docker.ts'
import { readWorkingSets } from '../../scaler/src/adapters/docker-stats.ts'
import { prometheusSource } from '../../scaler/src/adapters/prometheus.ts'
import type { MetricSpec } from '../../scaler/src/core/types.ts'
import { decisionLogPath, readDecisionLog } from '../../scaler/src/decision-log.ts'
import { metricSourceSuite } from '../../scaler/src/fakes/metrics-suite.ts'
import { replicaTargetSuite } from '../../scaler/src/fakes/target-suite.ts'
import { readMetricMap } from '../../scaler/src/metric-map.ts'
import type { MetricSource, ReadWorkingSets, ReplicaTarget } from '../../scaler/src/ports.ts'
import { docker } from '../stack/lib/docker.ts'
import { query } from '../stack/lib/prometheus.ts'
import { containers, url } from '../stack/lib/stack.ts'
import { until } from '../stack/lib/until.ts'
import { composeFiles, fromRoot, stateFolder } from './lib/settings.ts'

const stack = inject('stack')

describe('Prometheus', () => {
  let source: MetricSource
  beforeAll(async () => {
    const read = readMetricMap(readFileSync(fromRoot('scaler/metrics.yaml'), 'utf8'), 'metrics.yaml')
    if ('problems' in read) throw new Error(read.problems.join('\n'))
    const host = await engineHost(process.env)
    const workingSets: ReadWorkingSets = (signal) => readWorkingSets(host, { project: stack.project, service: services.ws }, signal)
    source = prometheusSource(url(stack, 'PROMETHEUS_PORT'), read.map, services.ws, workingSets)
    // A rate needs two scrapes.
    await until(
      'CPU of two replicas',
      async () => (await query(stack, 'rate(process_cpu_seconds_total{job="ws"}[20s])')).length === 2,
      40_000,
    )
  })
  metricSourceSuite(() => source)

  test('leaves memory to Docker: the working set that `docker stats` shows', async () => {
    const memory: MetricSpec = { type: 'Resource', name: 'memory', target: { type: 'Utilization', averageUtilization: 50 } }
    const { replicas, failures } = await source.read([memory], AbortSignal.timeout(30_000))
    expect(failures).toEqual({})
    expect(replicas.map(({ name }) => name)).toEqual(['ws-1', 'ws-2'])
    for (const [i, { Id }] of (await containers(stack, services.ws)).entries()) {
      const [used = ''] = (await docker(['stats', '--no-stream', '--format', '{{.MemUsage}}', Id])).split('MiB')
      const mebibytes = (replicas[i]?.sample?.usageMilli.ws?.memory ?? 0) / 1000 / 2 ** 20
      // A moment lies between the two readings.
      expect(Math.abs(mebibytes - Number(used)) / Number(used)).toBeLessThan(0.2)
    }
  })

  test('scrapes the scaler', async () => {
    await until('target scaler', async () => (await query(stack, 'up{job="scaler"} == 1')).length === 1, 20_000)
  })
})

let target: ReplicaTarget

describe('Docker and Compose', () => {
  beforeAll(async () => {
    const host = await engineHost(process.env)
    // The ports of the other services, so that Compose finds every variable it asks for.
    Object.assign(process.env, stack.env)
    target = composeTarget({ project: stack.project, service: services.ws, files: composeFiles, folder: fromRoot(''), host })
  })
  replicaTargetSuite(() => target)
})

test('a paused scaler goes on deciding, and acted on none of this', { timeout: 120_000 }, async () => {
  const records = () => readDecisionLog(fromRoot(decisionLogPath(stateFolder)))
  const seen = (replicas: number) => async () => (await records()).at(-1)?.decision.currentReplicas === replicas
  const signal = AbortSignal.timeout(90_000)
  await target.scaleTo(4, [], signal)
  await until('a decision about four replicas', seen(4), 40_000)
  await target.scaleTo(2, [], signal)
  await until('a decision about two replicas', seen(2), 40_000)
  expect((await records()).filter(({ paused, action }) => !paused || action !== null)).toEqual([])
})
