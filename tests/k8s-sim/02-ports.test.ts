/** The real adapters for Docker, Compose and Prometheus pass the same tests as the fakes. The scaler is paused during these tests. */
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { composeActuator, replicaTarget } from '@lab/scaler/adapters/compose.ts'
import { engineHost } from '@lab/scaler/adapters/docker.ts'
import { usageReader } from '@lab/scaler/adapters/docker-stats.ts'
import { prometheusSource } from '@lab/scaler/adapters/prometheus.ts'
import { reservationReader } from '@lab/scaler/adapters/reservations.ts'
import type { MetricSpec } from '@lab/scaler/core/types.ts'
import { decisionLogPath, readDecisionLog } from '@lab/scaler/decision-log.ts'
import { metricSourceSuite } from '@lab/scaler/fakes/metrics-suite.ts'
import { replicaTargetSuite } from '@lab/scaler/fakes/target-suite.ts'
import { readMetricMap } from '@lab/scaler/metric-map.ts'
import type { MetricSource, ReplicaTarget } from '@lab/scaler/ports.ts'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { query } from '../stack/lib/prometheus.ts'
import { containers, url } from '../stack/lib/stack.ts'
import { composeFiles, fromRoot, stateFolder } from './lib/settings.ts'

const stack = inject('stack')

describe('Prometheus', () => {
  let source: MetricSource
  beforeAll(async () => {
    const read = readMetricMap(readFileSync(fromRoot('scaler/metrics.yaml'), 'utf8'), 'metrics.yaml')
    if (!read.ok) throw new Error(read.problems.join('\n'))
    const host = await engineHost(process.env)
    const workingSets = usageReader(host, { project: stack.project, service: services.ws })
    source = prometheusSource(url(stack, 'PROMETHEUS_PORT'), read.value, services.ws, workingSets)
    // Computing a rate requires two scrapes.
    // The query windows must no longer contain samples of the replica that 01-actuator.test.ts added and removed.
    const count = async (expr: string) => (await query(stack, expr)).length
    const settled = async () =>
      (await count('rate(process_cpu_seconds_total{job="ws"}[20s])')) === 2 &&
      (await count('last_over_time(process_cpu_seconds_total{job="ws"}[1m])')) === 2
    await until('CPU of two replicas', settled, { withinMs: 120_000 })
  }, 150_000)
  metricSourceSuite(() => source)

  test('leaves memory to Docker: the working set that `docker stats` shows', async () => {
    const memory: MetricSpec = { type: 'Resource', name: 'memory', target: { type: 'Utilization', averageUtilization: 50 } }
    const { replicas, failures } = await source.read([memory], AbortSignal.timeout(30_000))
    expect(failures).toEqual({})
    expect(replicas.map(({ name }) => name)).toEqual(['ws-1', 'ws-2'])
    for (const [i, { Id }] of (await containers(stack, services.ws)).entries()) {
      const [used = ''] = (await docker(['stats', '--no-stream', '--format', '{{.MemUsage}}', Id])).split('MiB')
      const mebibytes = (replicas[i]?.sample?.usageMilli.ws?.memory ?? 0) / 1000 / 2 ** 20
      // The memory values from Prometheus and from Docker are read at slightly different times.
      expect(Math.abs(mebibytes - Number(used)) / Number(used)).toBeLessThan(0.2)
    }
  })

  test('leaves CPU to Docker as well if the mapping file says so, and then needs no Prometheus', async () => {
    const read = readMetricMap('docker: [cpu, memory]', 'metrics.yaml')
    if (!read.ok) throw new Error(read.problems.join('\n'))
    const usage = usageReader(await engineHost(process.env), { project: stack.project, service: services.ws })
    const withoutPrometheus = prometheusSource('http://127.0.0.1:1', read.value, services.ws, usage)
    const resources = ['cpu', 'memory'].map(
      (name): MetricSpec => ({ type: 'Resource', name, target: { type: 'Utilization', averageUtilization: 50 } }),
    )
    const readBoth = () => withoutPrometheus.read(resources, AbortSignal.timeout(30_000))
    const hasCpu = async () => {
      const { replicas, failures } = await readBoth()
      expect(failures).toEqual({})
      return replicas.length === 2 && replicas.every(({ sample }) => sample?.usageMilli.ws?.cpu !== undefined) && replicas
    }
    for (const { sample } of await until('CPU of two replicas', hasCpu, { withinMs: 60_000, everyMs: 2_000 })) {
      expect(sample?.windowSeconds).toBeGreaterThanOrEqual(10)
      expect(sample?.usageMilli.ws?.cpu).toBeGreaterThan(0)
      expect(sample?.usageMilli.ws?.cpu).toBeLessThan(1000)
      expect(sample?.usageMilli.ws?.memory).toBeGreaterThan(10 * 2 ** 20 * 1000)
    }
  })

  test('scrapes the scaler', async () => {
    await until('target scaler', async () => (await query(stack, 'up{job="scaler"} == 1')).length === 1, { withinMs: 20_000 })
  })
})

test('the reservations of a service are read with docker compose config', async () => {
  const file = fromRoot(`${stateFolder}/reservations.yaml`)
  await mkdir(dirname(file), { recursive: true })
  const reservations = '{ cpus: "0.25", memory: 64m }'
  await writeFile(
    file,
    `services:\n  web: { image: nginx, deploy: { resources: { reservations: ${reservations} } } }\n  db: { image: x }\n`,
  )
  const read = (service: string) => reservationReader({ files: [file], folder: fromRoot(''), project: 'any', service })('hash')
  expect(await read('web')).toEqual({ cpu: 250, memory: 64 * 2 ** 20 * 1000 })
  expect(await read('db')).toEqual({})
  await expect(read('gone')).rejects.toThrow('no such service: gone')
})

let target: ReplicaTarget

describe('Docker and Compose', () => {
  beforeAll(async () => {
    const host = await engineHost(process.env)
    // Sets the environment variables for the whole stack, because Compose needs the ports of all services.
    Object.assign(process.env, stack.env)
    target = replicaTarget(
      composeActuator({ project: stack.project, service: services.ws, files: composeFiles, folder: fromRoot(''), host }),
    )
  })
  replicaTargetSuite(() => target)
})

test('a paused scaler continues to decide, but does not act', { timeout: 120_000 }, async () => {
  const records = () => readDecisionLog(fromRoot(decisionLogPath(stateFolder)))
  const seen = (replicas: number) => async () => (await records()).at(-1)?.decision.currentReplicas === replicas
  const signal = AbortSignal.timeout(90_000)
  await target.scaleTo(4, [], signal)
  await until('a decision about four replicas', seen(4), { withinMs: 40_000 })
  await target.scaleTo(2, [], signal)
  await until('a decision about two replicas', seen(2), { withinMs: 40_000 })
  expect((await records()).filter(({ paused, action }) => !paused || action !== null)).toEqual([])
})
