/**
 * Runs queries of the kind that public dashboards and rules for Kubernetes send against the lab's Prometheus, and expects data. Needs no
 * load: a paused scaler also exports its metrics.
 */
import { writeFile } from 'node:fs/promises'
import { jobs, services } from '@lab/contract/endpoints.ts'
import { kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { pauseFilePath } from '@lab/scaler/decision-log.ts'
import { beforeAll, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { query } from '../stack/lib/prometheus.ts'
import { containers } from '../stack/lib/stack.ts'
import { mustHaveData, type PublicQuery, publicQueries } from './lib/public-queries.ts'
import { fromRoot, stateFolder } from './lib/settings.ts'

const stack = inject('stack')

async function withoutData(one: PublicQuery): Promise<string[]> {
  // Prometheus rejects a condition that is invalid or whose join matches several series.
  if (one.alert !== undefined) await query(stack, one.promql)
  const empty: string[] = []
  for (const promql of mustHaveData(one)) if ((await query(stack, promql)).length === 0) empty.push(promql)
  return empty
}

beforeAll(async () => {
  // The scaler is paused, so that the number of replicas does not change during these tests.
  await writeFile(fromRoot(pauseFilePath(stateFolder)), '')
  // A counter needs two scrapes and the CPU metric four of them before a query has data.
  await until(
    'every public query has data',
    async () => (await Promise.all(publicQueries.map(withoutData))).every((empty) => empty.length === 0),
    { withinMs: 90_000, everyMs: 1000 },
  ).catch(() => {
    // A timeout is ignored here, because the tests in this file report each query without data.
  })
  addFigure('publicQueries', publicQueries.length)
}, 100_000)

test.each(publicQueries.map((one) => ({ ...one, one })))('$source: $name has data', async ({ one }) => {
  expect(await withoutData(one)).toEqual([])
})

test('a query that docs/kubernetes-mapping.md lists as one without data is reported', async () => {
  const nodes = 'sum(kube_node_status_allocatable{job="kube-state-metrics"})'
  expect(await withoutData({ source: '', name: '', promql: nodes })).toEqual([nodes])
})

test('the job kube-state-metrics has no other metrics than those of kube-state-metrics, and all of them', async () => {
  const found = await query(stack, `group by (__name__) ({job="${jobs.kubeStateMetrics}", __name__=~"kube_.+|scaler_.+|process_.+"})`)
  const own = Object.values(scalerMetrics).filter(({ name }) => name.startsWith('kube_'))
  // No container waits, so there is no reason for it.
  const { containerWaitingReason: _, ...exported } = kubeStateMetrics
  const expected = [...own, ...Object.values(exported)].map(({ name }) => name)
  expect(found.map(({ labels }) => labels.__name__).sort()).toEqual(expected.sort())
})

test('pods, restarts, requests, limits and the number of replicas are those that Docker reports', async () => {
  await until(
    'the same replicas in Docker and in Prometheus',
    async () => {
      const docker = (await containers(stack, services.ws)).map(({ Id, Config }) => [replicaName(Config.Labels), Id])
      const exported = (await query(stack, `kube_pod_info{job="${jobs.kubeStateMetrics}"}`)).map(({ labels }) => [labels.pod, labels.uid])
      return JSON.stringify(exported.sort()) === JSON.stringify(docker.sort())
    },
    { withinMs: 60_000, everyMs: 1000 },
  )
  const replicas = await containers(stack, services.ws)
  const value = async (promql: string) => (await query(stack, promql)).map((sample) => sample.value)
  const each = (given: number) => replicas.map(() => given)
  expect(await value('kube_deployment_spec_replicas{deployment="ws"}')).toEqual([replicas.length])
  expect(await value('kube_deployment_status_replicas_updated{deployment="ws"}')).toEqual([replicas.length])
  expect(await value('kube_pod_container_resource_requests{resource="cpu"}')).toEqual(each(0.25))
  expect(await value('kube_pod_container_resource_limits{resource="cpu"}')).toEqual(each(1))
  expect(await value('kube_pod_container_resource_limits{resource="memory"}')).toEqual(each(256 * 2 ** 20))
  expect(await value('sum(kube_pod_container_status_restarts_total)')).toEqual([
    replicas.reduce((sum, { RestartCount }) => sum + RestartCount, 0),
  ])
})
