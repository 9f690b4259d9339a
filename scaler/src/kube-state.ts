/**
 * Calculates the series that kube-state-metrics would export for the scale target and its replicas. Pure. Like the scaler's other metrics,
 * they describe the state that the last sync observed. Whatever the scaler does not know has no series.
 */
import { type KubeStateMetricKey, type kubeStateMetrics, podPhases } from '@lab/contract/kube-state-metrics.ts'
import { conditionStatuses } from '@lab/contract/scaler-metrics.ts'
import type { Pod, ResourceAmounts } from './core/types.ts'
import type { ContainerFacts, ListedReplica } from './ports.ts'
import type { TickRecord } from './record.ts'

/** The labels of a metric, as declared in the shared contract/ folder. */
type Labels<Key extends KubeStateMetricKey> = Readonly<Record<(typeof kubeStateMetrics)[Key]['labels'][number], string>>
type DeploymentKey = Extract<KubeStateMetricKey, `deployment${string}`>

export type KubeStateSeries = {
  readonly [Key in KubeStateMetricKey]: { readonly key: Key; readonly labels: Labels<Key>; readonly value: number }
}[KubeStateMetricKey]

/** The units of the resources, by resource name. Other resources have no series. */
const units: Readonly<Record<string, string>> = { cpu: 'core', memory: 'byte' }

/** @param replicas the replicas as listed for the record's sync */
export function kubeStateSeries(record: TickRecord, replicas: readonly ListedReplica[]): KubeStateSeries[] {
  const facts = new Map(replicas.map((replica) => [replica.name, replica.facts]))
  return [...deploymentSeries(record, facts), ...record.observation.pods.flatMap((pod) => podSeries(record, pod, facts.get(pod.name)))]
}

type FactsByName = ReadonlyMap<string, ContainerFacts | undefined>

/** Returns the replica counts, unless the replicas could not be read or the scale target is not a Deployment. */
function deploymentSeries({ hpa, observation }: TickRecord, facts: FactsByName): KubeStateSeries[] {
  const { scale, pods } = observation
  if ('error' in scale || hpa.scaleTargetRef.kind !== 'Deployment') return []
  const labels = { namespace: hpa.namespace, deployment: hpa.scaleTargetRef.name }
  const own = (key: DeploymentKey, value: number): KubeStateSeries => ({ key, labels, value })
  const current = pods.filter(({ deleting }) => !deleting)
  const ready = current.filter((pod) => pod.ready?.status === 'True').length
  const updated = updatedAmong(current.map(({ name }) => facts.get(name)))
  return [
    own('deploymentSpecReplicas', scale.specReplicas),
    own('deploymentReplicas', scale.statusReplicas),
    own('deploymentReplicasReady', ready),
    own('deploymentReplicasAvailable', ready),
    own('deploymentReplicasUnavailable', Math.max(0, scale.statusReplicas - ready)),
    ...(updated === null ? [] : [own('deploymentReplicasUpdated', updated)]),
  ]
}

/** Returns the number of replicas that were created from the same template as the newest one; null if a template is unknown. */
function updatedAmong(all: readonly (ContainerFacts | undefined)[]): number | null {
  const known = all.filter((facts) => facts !== undefined)
  if (known.length < all.length) return null
  const newest = known.toSorted((a, b) => b.createdSeconds - a.createdSeconds)[0]
  return known.filter(({ template }) => template === newest?.template).length
}

function podSeries({ hpa, timeScale }: TickRecord, pod: Pod, facts: ContainerFacts | undefined): KubeStateSeries[] {
  const { kind, name } = hpa.scaleTargetRef
  const labels = { namespace: hpa.namespace, pod: pod.name, uid: facts?.id ?? '' }
  const owner = { owner_kind: kind, owner_name: name, owner_is_controller: 'true' }
  return [
    { key: 'podInfo', labels: { ...labels, created_by_kind: kind, created_by_name: name }, value: 1 },
    { key: 'podOwner', labels: { ...labels, ...owner }, value: 1 },
    ...(pod.startTimeSeconds === null ? [] : [{ key: 'podStartTime' as const, labels, value: pod.startTimeSeconds / timeScale }]),
    ...podPhases.map((phase) => ({ key: 'podPhase' as const, labels: { ...labels, phase }, value: Number(pod.phase === phase) })),
    ...readySeries(pod, labels),
    ...pod.containers.flatMap((container) => {
      const own = { ...labels, container: container.name }
      return [...containerSeries(pod, own, facts), ...resourceSeries('containerRequests', own, container.requestsMilli)]
    }),
  ]
}

/** Returns no series for a pod that has no Ready condition yet, like kube-state-metrics. */
function readySeries({ ready }: Pod, labels: Omit<Labels<'podReady'>, 'condition'>): KubeStateSeries[] {
  if (ready === null) return []
  return conditionStatuses.map((condition) => ({
    key: 'podReady',
    labels: { ...labels, condition },
    value: Number(ready.status.toLowerCase() === condition),
  }))
}

function containerSeries({ ready }: Pod, labels: Labels<'containerReady'>, facts: ContainerFacts | undefined): KubeStateSeries[] {
  const isReady: KubeStateSeries = { key: 'containerReady', labels, value: Number(ready?.status === 'True') }
  if (facts === undefined) return [isReady]
  const { waiting, restarts, limitsMilli } = facts
  return [
    isReady,
    { key: 'containerRunning', labels, value: Number(waiting === null) },
    { key: 'containerWaiting', labels, value: Number(waiting !== null) },
    ...(waiting === null ? [] : [{ key: 'containerWaitingReason' as const, labels: { ...labels, reason: waiting }, value: 1 }]),
    { key: 'containerRestarts', labels, value: restarts },
    ...resourceSeries('containerLimits', labels, limitsMilli),
  ]
}

function resourceSeries(
  key: 'containerRequests' | 'containerLimits',
  labels: Labels<'containerReady'>,
  milli: ResourceAmounts,
): KubeStateSeries[] {
  return Object.entries(milli).flatMap(([resource, amount]) => {
    const unit = units[resource]
    return unit === undefined ? [] : [{ key, labels: { ...labels, resource, unit }, value: amount / 1000 }]
  })
}
