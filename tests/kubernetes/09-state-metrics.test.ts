/**
 * Checks that the panels and rules about the autoscaler, and the queries of public dashboards, have data in the cluster, from
 * kube-state-metrics instead of the lab's scaler.
 */
import { jobs } from '@lab/contract/endpoints.ts'
import { kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { namespace } from '@lab/contract/kubernetes.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { until } from '@lab/host/until.ts'
import { panelQueries } from '@lab/panels/queries.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { mustHaveData, publicQueries } from '../k8s-sim/lib/public-queries.ts'
import { absentParts, type Forwarded, forward, readyPods } from './lib/cluster.ts'

const job = `job="${jobs.kubeStateMetrics}"`
/** In a cluster, the pods of a Deployment belong to a ReplicaSet, so a rule about other owners has no data. */
const wanted = publicQueries
  .filter(({ promql }) => !promql.includes('owner_kind!~'))
  .flatMap(mustHaveData)
  .map((promql) => promql.replaceAll('"default"', `"${namespace}"`))
const panels = [...new Set(panelQueries().map(({ expression }) => expression))].filter((promql) => promql.includes(job))

const skipped = inject('cluster') !== 'nodes' || absentParts.includes(jobs.kubeStateMetrics)

describe.skipIf(skipped)('kube-state-metrics', () => {
  let forwarded: Forwarded
  const query = (promql: string) => forwarded.prometheus.query(promql)
  const empty = async (queries: readonly string[]) => {
    const found = await Promise.all(queries.map(async (promql) => ((await query(promql)).length > 0 ? [] : [promql])))
    return found.flat()
  }

  beforeAll(async () => {
    forwarded = await forward()
    await until('two replicas', async () => (await readyPods()).length === 2, { withinMs: 420_000, everyMs: 1000 })
    // The tests report each query that still has no data after this wait.
    await until('every query has data', async () => (await empty([...wanted, ...panels])).length === 0, {
      withinMs: 90_000,
      everyMs: 2000,
    }).catch(() => undefined)
  }, 520_000)

  afterAll(() => forwarded?.close())

  test('the queries of public dashboards and rules have data', async () => {
    expect(wanted.length).toBeGreaterThan(40)
    expect(await empty(wanted)).toEqual([])
  })

  test('the panels about the autoscaler have data', async () => {
    expect(panels.length).toBeGreaterThan(3)
    expect(await empty(panels)).toEqual([])
  })

  test('it has every metric that the scaler exports under its job on Compose', async () => {
    const found = await query(`group by (__name__) ({${job}})`)
    const names = found.map(({ labels }) => labels.__name__)
    const own = Object.values(scalerMetrics).filter(({ name }) => name.startsWith('kube_'))
    // No container waits, so there is no reason for it.
    const { containerWaitingReason: _, ...exported } = kubeStateMetrics
    expect(names).toEqual(expect.arrayContaining([...own, ...Object.values(exported)].map(({ name }) => name)))
  })

  test('it reports the HPA, and only objects of the namespace', async () => {
    const [min] = await query(`kube_horizontalpodautoscaler_spec_min_replicas{${job}, horizontalpodautoscaler="ws"}`)
    const [now] = await query(`kube_horizontalpodautoscaler_status_current_replicas{${job}, horizontalpodautoscaler="ws"}`)
    expect([min?.value, now?.value]).toEqual([2, 2])
    const namespaces = await query(`group by (namespace) ({${job}, namespace!=""})`)
    expect(namespaces.map(({ labels }) => labels.namespace)).toEqual([namespace])
  })

  test('no alert about Traefik, the scaler or a target fires', async () => {
    expect(await query('ALERTS{alertname=~"TraefikPoolStale|TargetDown|Scaler.+", alertstate="firing"}')).toEqual([])
  })
})
