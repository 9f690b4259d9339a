import { kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { describe, expect, test } from 'vitest'
import { createScalerMetrics } from './metrics.ts'
import type { TickRecord } from './record.ts'
import { samples, simulated } from './views/sample-records.ts'

async function exported(records: readonly TickRecord[]): Promise<string> {
  const metrics = createScalerMetrics()
  for (const record of records) {
    metrics.add(record.hpa)
    metrics.observe(record)
  }
  return `${await metrics.registry.metrics()}\n${await metrics.kubeState.metrics()}`
}

/** Returns the lines of the metrics text that begin with the given string, in sorted order. */
const series = (text: string, start: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(start))
    .sort()

describe('the exported text', () => {
  test.each(['every-metric', 'missing-samples', 'paused', 'unreadable'])('of %s matches its snapshot', async (name) => {
    await expect(await exported(samples[name] ?? [])).toMatchFileSnapshot(`views/golden/${name}.metrics.txt`)
  })

  test('has exactly the metrics and labels of the contract', async () => {
    const metrics = createScalerMetrics()
    metrics.setLeader(true)
    const withShadow = simulated('surge').map((record) => ({ ...record, shadow: record }))
    for (const record of [...withShadow, ...(samples['every-metric'] ?? []).map((record) => ({ ...record, shadow: record }))])
      metrics.observe(record)
    const known = new Set(Object.values(kubeStateMetrics).map(({ name }) => name as string))
    const state = (await metrics.kubeState.getMetricsAsJSON()).filter(({ name }) => !known.has(name))
    const families = [...(await metrics.registry.getMetricsAsJSON()), ...state]
    expect(families.map(({ name }) => name).sort()).toEqual(
      Object.values(scalerMetrics)
        .map(({ name }) => name)
        .sort(),
    )
    for (const spec of Object.values(scalerMetrics)) {
      const { values } = families.find(({ name }) => name === spec.name) ?? { values: [] }
      expect({ name: spec.name, hasSeries: values.length > 0 }).toEqual({ name: spec.name, hasSeries: true })
      const labels = values.flatMap((value) => Object.keys(value.labels)).filter((label) => label !== 'le')
      expect(new Set(labels)).toEqual(new Set(spec.labels))
    }
  })

  test('has only empty histograms before the first synchronisation', async () => {
    const lines = (await exported([])).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(lines.filter((line) => !line.endsWith(' 0'))).toEqual([])
    expect(lines.every((line) => /^scaler_(decision|action)_duration_seconds/.test(line))).toBe(true)
  })
})

describe('a metric that can no longer be read', () => {
  test('has no series', async () => {
    const name = 'kube_horizontalpodautoscaler_status_target_metric'
    expect(series(await exported(simulated('blind').slice(0, 5)), name)).toHaveLength(3)
    expect(series(await exported(samples.blind ?? []), name)).toEqual([])
  })

  test('does not reset the histograms', async () => {
    const text = await exported(simulated('surge'))
    const counted = series(text, 'scaler_action_duration_seconds_count')
    // All six action duration series exist from the start, because Prometheus sees an increase only after a sample with the value 0.
    expect(counted).toHaveLength(6)
    expect(counted.filter((line) => !line.endsWith(' 0'))).toEqual([
      'scaler_action_duration_seconds_count{namespace="default",horizontalpodautoscaler="ws",direction="down",result="Succeeded"} 7',
      'scaler_action_duration_seconds_count{namespace="default",horizontalpodautoscaler="ws",direction="up",result="Succeeded"} 2',
    ])
    expect(series(text, 'scaler_decision_duration_seconds_count')).toEqual([
      'scaler_decision_duration_seconds_count{namespace="default",horizontalpodautoscaler="ws"} 49',
    ])
  })
})

test('the generation increases only with a change of the specification', async () => {
  const before = simulated('steady')
  const after = simulated('steady', { maxReplicas: 12 })
  const labelled = simulated('steady', { maxReplicas: 12, labels: { app: 'ws' } })
  const text = await exported([...before, ...after, ...labelled])
  expect(series(text, 'kube_horizontalpodautoscaler_metadata_generation')).toEqual([
    'kube_horizontalpodautoscaler_metadata_generation{namespace="default",horizontalpodautoscaler="ws"} 2',
  ])
})

test('draining and missing replicas are counted', async () => {
  expect(series(await exported(samples['scaling-down'] ?? []), 'scaler_draining_replicas')).toEqual([
    'scaler_draining_replicas{namespace="default",horizontalpodautoscaler="ws"} 1',
  ])
  expect(series(await exported(samples['missing-samples'] ?? []), 'scaler_missing_replicas')).toEqual([
    'scaler_missing_replicas{namespace="default",horizontalpodautoscaler="ws",metric_name="connections"} 1',
    'scaler_missing_replicas{namespace="default",horizontalpodautoscaler="ws",metric_name="cpu"} 1',
  ])
})

describe('a change of the count', () => {
  const name = 'scaler_last_rescale_timestamp_seconds'

  test('is exported until the next change', async () => {
    const records = simulated('surge')
    const at = (count: number) => exported(records.slice(0, count)).then((text) => series(text, name))
    const first = records.findIndex(({ action }) => action !== null)
    const last = records.findLastIndex(({ action }) => action !== null)
    expect(records.length).toBeGreaterThan(last + 1)
    expect(await at(first)).toEqual([])
    for (const [index, { action, time }] of records.entries()) {
      if (action === null) continue
      const [shown, ...others] = await at(index + 1)
      expect(others).toEqual([])
      expect(shown).toContain(`from="${action.from}",to="${action.to}",reason="`)
      expect(shown?.endsWith(` ${Date.parse(time) / 1000}`)).toBe(true)
    }
    expect(await at(records.length)).toEqual(await at(last + 1))
  })

  test('is not exported if it failed', async () => {
    const failed = (samples['failed-action'] ?? []).filter(({ action }) => action === null || action.result === 'Failed')
    expect(failed.some(({ action }) => action !== null)).toBe(true)
    expect(series(await exported(failed), name)).toEqual([])
  })
})

describe('the time to readiness of a replica', () => {
  const name = 'scaler_replica_ready_seconds'
  const [record] = simulated('steady')
  if (record === undefined) throw new Error('the simulation has no record')
  const pod = record.observation.pods[0]
  if (pod === undefined) throw new Error('the simulation has no replica')
  const seen = (start: number, status: 'True' | 'False', since: number, timeScale = 1): TickRecord => {
    const pods = [{ ...pod, name: 'ws-1', startTimeSeconds: start, ready: { status, sinceSeconds: since } }]
    return { ...record, timeScale, observation: { ...record.observation, timeSeconds: since + 1, pods } }
  }

  test('is the time to the first readiness, until another replica has the name', async () => {
    const life = [seen(100, 'False', 100), seen(100, 'True', 102.5), seen(100, 'False', 150), seen(100, 'True', 160)]
    expect(series(await exported(life.slice(0, 1)), name)).toEqual([])
    expect(series(await exported(life), name)).toEqual([`${name}{namespace="default",horizontalpodautoscaler="ws",replica="ws-1"} 2.5`])
    expect(series(await exported([...life, seen(200, 'False', 200)]), name)).toEqual([])
    expect(series(await exported([...life, seen(200, 'True', 201)]), name)).toEqual([
      `${name}{namespace="default",horizontalpodautoscaler="ws",replica="ws-1"} 1`,
    ])
  })

  test('is retained when Docker reports no replicas for a while', async () => {
    const life = [seen(100, 'False', 100), seen(100, 'True', 163)]
    const at = (timeSeconds: number) => ({ ...record, observation: { ...record.observation, timeSeconds, pods: [] } })
    expect(series(await exported([...life, at(200)]), name)).toEqual([])
    expect(series(await exported([...life, at(200), at(400), seen(100, 'True', 700)]), name)).toEqual([
      `${name}{namespace="default",horizontalpodautoscaler="ws",replica="ws-1"} 63`,
    ])
  })

  test('is unknown if the scaler first saw the replica long after its start', async () => {
    expect(series(await exported([seen(100, 'True', 1554)]), name)).toEqual([])
    expect(series(await exported([seen(100, 'False', 1500), seen(100, 'True', 1554)]), name)).toEqual([])
  })

  test('is real time, also with compressed time', async () => {
    expect(series(await exported([seen(1000, 'True', 1020, 10)]), name)).toEqual([
      `${name}{namespace="default",horizontalpodautoscaler="ws",replica="ws-1"} 2`,
    ])
  })
})

describe('several autoscalers', () => {
  const [ws] = simulated('steady')
  if (ws === undefined) throw new Error('no record')
  const api = { ...ws, hpa: { ...ws.hpa, name: 'api' }, paused: true }

  test('have series of their own, and a removed one has none', async () => {
    const metrics = createScalerMetrics()
    for (const record of [ws, api]) {
      metrics.add(record.hpa)
      metrics.observe(record)
    }
    expect(series(await metrics.registry.metrics(), 'scaler_paused')).toEqual([
      'scaler_paused{namespace="default",horizontalpodautoscaler="api"} 1',
      'scaler_paused{namespace="default",horizontalpodautoscaler="ws"} 0',
    ])
    // Both have the same scale target, whose series must not be counted twice.
    const shared = series(await metrics.kubeState.metrics(), 'kube_deployment_spec_replicas')
    expect(shared).toEqual(['kube_deployment_spec_replicas{namespace="default",deployment="ws"} 2'])
    metrics.remove('api')
    expect(series(await metrics.registry.metrics(), 'scaler_paused')).toHaveLength(1)
  })
})
