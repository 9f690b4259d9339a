import { kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { describe, expect, test } from 'vitest'
import type { Pod } from './core/types.ts'
import { kubeStateSeries } from './kube-state.ts'
import { createScalerMetrics } from './metrics.ts'
import type { ContainerFacts, ListedReplica } from './ports.ts'
import type { TickRecord } from './record.ts'
import { samples, simulated } from './views/sample-records.ts'

const [first] = simulated('steady')
if (first === undefined) throw new Error('the simulation has no record')
const steady: TickRecord = first
const requestsMilli = { cpu: 250, memory: 128 * 2 ** 20 * 1000, 'example.org/gpu': 1000 }
const base: Pod = {
  name: 'ws-1',
  phase: 'Running',
  deleting: false,
  startTimeSeconds: 1000,
  ready: { status: 'True', sinceSeconds: 1002 },
  containers: [{ name: 'ws', requestsMilli }],
  sample: null,
  valuesMilli: {},
}
const facts: ContainerFacts = {
  id: 'c1',
  createdSeconds: 900,
  template: 'old',
  waiting: null,
  restarts: 2,
  limitsMilli: { cpu: 1000, memory: 256 * 2 ** 20 * 1000 },
}

/** A replica: its state in the observation, and the facts about its container. */
interface Given {
  pod?: Partial<Pod>
  facts?: Partial<ContainerFacts> | null
}

const namesOf = (given: readonly Given[]) => given.map(({ pod }, i) => pod?.name ?? `ws-${i + 1}`)

function recordOf(given: readonly Given[], change: Partial<TickRecord> = {}): TickRecord {
  const names = namesOf(given)
  const pods = given.map(({ pod }, i): Pod => ({ ...base, name: names[i] ?? '', ...pod }))
  const count = pods.filter(({ deleting }) => !deleting).length
  return { ...steady, ...change, observation: { ...steady.observation, scale: { specReplicas: count, statusReplicas: count }, pods } }
}

function listed(given: readonly Given[]): ListedReplica[] {
  const names = namesOf(given)
  return given.map(({ pod, facts: own = {} }, i) => {
    const { sample: _, valuesMilli: __, deleting: ___, ...replica } = { ...base, ...pod, name: names[i] ?? '' }
    return { ...replica, ...(own !== null && { facts: { ...facts, ...own } }) }
  })
}

/** Returns the series of one metric, each as its labels and its value. */
async function exported(name: string, given: readonly Given[], change: Partial<TickRecord> = {}): Promise<string[]> {
  const metrics = createScalerMetrics()
  metrics.observe(recordOf(given, change), listed(given))
  const lines = (await metrics.kubeState.metrics()).split('\n')
  return lines.filter((line) => line.startsWith(`${name}{`)).map((line) => line.slice(name.length))
}

const own = 'namespace="default",pod="ws-1",uid="c1"'

describe('a Deployment', () => {
  const value = async (key: keyof typeof kubeStateMetrics, given: readonly Given[]) => {
    const lines = await exported(kubeStateMetrics[key].name, given)
    return lines.map((line) => line.replace('{namespace="default",deployment="ws"} ', ''))
  }
  const notReady: Given = { pod: { ready: { status: 'False', sinceSeconds: 1000 } } }
  const draining: Given = { pod: { deleting: true } }

  test('counts ready replicas as available, and does not count draining ones', async () => {
    const given = [{}, {}, notReady, draining]
    expect(await value('deploymentSpecReplicas', given)).toEqual(['3'])
    expect(await value('deploymentReplicas', given)).toEqual(['3'])
    expect(await value('deploymentReplicasReady', given)).toEqual(['2'])
    expect(await value('deploymentReplicasAvailable', given)).toEqual(['2'])
    expect(await value('deploymentReplicasUnavailable', given)).toEqual(['1'])
  })

  test('counts the replicas with the template of the newest one as updated', async () => {
    const newer: Given = { facts: { template: 'new', createdSeconds: 950 } }
    expect(await value('deploymentReplicasUpdated', [{}, {}])).toEqual(['2'])
    expect(await value('deploymentReplicasUpdated', [{}, {}, newer])).toEqual(['1'])
    expect(await value('deploymentReplicasUpdated', [{}, { facts: null }])).toEqual([])
  })

  test('has no series while the replicas cannot be read, or if the scale target is of another kind', () => {
    const unread = (samples.unreadable ?? []).at(-1)
    if (unread === undefined) throw new Error('no record')
    expect(unread.observation.scale).toHaveProperty('error')
    expect(kubeStateSeries(unread, [])).toEqual([])
    const record = recordOf([{}], { hpa: { ...steady.hpa, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'ws' } } })
    expect(kubeStateSeries(record, listed([{}])).filter(({ key }) => key.startsWith('deployment'))).toEqual([])
  })
})

describe('a pod', () => {
  test('belongs to the scale target, and has the id of its container', async () => {
    expect(await exported(kubeStateMetrics.podInfo.name, [{}])).toEqual([`{${own},created_by_kind="Deployment",created_by_name="ws"} 1`])
    expect(await exported(kubeStateMetrics.podOwner.name, [{}])).toEqual([
      `{${own},owner_kind="Deployment",owner_name="ws",owner_is_controller="true"} 1`,
    ])
  })

  test('has one phase and one Ready status with the value 1', async () => {
    expect((await exported(kubeStateMetrics.podPhase.name, [{}])).filter((line) => line.endsWith(' 1'))).toEqual([
      `{${own},phase="Running"} 1`,
    ])
    expect(await exported(kubeStateMetrics.podReady.name, [{}])).toEqual([
      `{${own},condition="true"} 1`,
      `{${own},condition="false"} 0`,
      `{${own},condition="unknown"} 0`,
    ])
    expect(await exported(kubeStateMetrics.podReady.name, [{ pod: { ready: null } }])).toEqual([])
  })

  test('has its start time in real time, also with compressed time', async () => {
    expect(await exported(kubeStateMetrics.podStartTime.name, [{}], { timeScale: 10 })).toEqual([`{${own}} 100`])
    expect(await exported(kubeStateMetrics.podStartTime.name, [{ pod: { startTimeSeconds: null } }])).toEqual([])
  })
})

describe('a container', () => {
  const labels = `${own},container="ws"`

  test('has its requests and limits in cores and bytes', async () => {
    expect(await exported(kubeStateMetrics.containerRequests.name, [{}])).toEqual([
      `{${labels},resource="cpu",unit="core"} 0.25`,
      `{${labels},resource="memory",unit="byte"} ${128 * 2 ** 20}`,
    ])
    expect(await exported(kubeStateMetrics.containerLimits.name, [{}])).toEqual([
      `{${labels},resource="cpu",unit="core"} 1`,
      `{${labels},resource="memory",unit="byte"} ${256 * 2 ** 20}`,
    ])
  })

  test('waits before a restart, and counts its restarts', async () => {
    const waiting: Given[] = [{ facts: { waiting: 'CrashLoopBackOff' } }]
    expect(await exported(kubeStateMetrics.containerWaiting.name, [{}])).toEqual([`{${labels}} 0`])
    expect(await exported(kubeStateMetrics.containerRunning.name, [{}])).toEqual([`{${labels}} 1`])
    expect(await exported(kubeStateMetrics.containerWaitingReason.name, [{}])).toEqual([])
    expect(await exported(kubeStateMetrics.containerWaiting.name, waiting)).toEqual([`{${labels}} 1`])
    expect(await exported(kubeStateMetrics.containerRunning.name, waiting)).toEqual([`{${labels}} 0`])
    expect(await exported(kubeStateMetrics.containerWaitingReason.name, waiting)).toEqual([`{${labels},reason="CrashLoopBackOff"} 1`])
    expect(await exported(kubeStateMetrics.containerRestarts.name, waiting)).toEqual([`{${labels}} 2`])
  })

  test('has only what the observation contains if Docker does not list the replicas', async () => {
    const unlisted: Given[] = [{ facts: null }]
    expect(await exported(kubeStateMetrics.containerRestarts.name, unlisted)).toEqual([])
    expect(await exported(kubeStateMetrics.containerReady.name, unlisted)).toEqual([`{${labels.replace('c1', '')}} 1`])
  })
})

test('the metrics, their labels and kinds are those of the contract', async () => {
  const metrics = createScalerMetrics()
  const given: Given[] = [{ facts: { waiting: 'ContainerCreating' } }]
  metrics.observe(recordOf(given), listed(given))
  const families = await metrics.kubeState.getMetricsAsJSON()
  const autoscaler = Object.values(scalerMetrics).filter(({ name }) => name.startsWith('kube_'))
  const specs = [...autoscaler, ...Object.values(kubeStateMetrics)]
  expect(families.map(({ name }) => name).sort()).toEqual(specs.map(({ name }) => name).sort())
  for (const { name, kind, labels } of specs) {
    const family = families.find((one) => one.name === name)
    expect({ name, kind: String(family?.type) }).toEqual({ name, kind })
    expect(family?.values.length, name).toBeGreaterThan(0)
    for (const value of family?.values ?? []) expect(Object.keys(value.labels).sort(), name).toEqual([...labels].sort())
  }
})

test('replaces the series of the previous sync', async () => {
  const metrics = createScalerMetrics()
  for (const given of [[{}, {}], [{}]]) metrics.observe(recordOf(given), listed(given))
  const text = await metrics.kubeState.metrics()
  expect(text).toContain(`${kubeStateMetrics.containerRestarts.name}{${own},container="ws"} 2\n`)
  expect(text).not.toContain('ws-2')
})
