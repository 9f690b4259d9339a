/**
 * Derives a rollout's revisions, replicas and progress from the objects that kubectl prints as JSON, and builds the patch that begins a
 * rollout. Pure.
 */
import { services } from '@lab/contract/endpoints.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { z } from 'zod'
import type { RolloutReplica } from '../../compose/rollout/plan.ts'
import type { Revision, Rollout, RolloutRecord } from '../../compose/rollout/store.ts'
import { changedSettings } from '../../compose/rollout/versions.ts'
import { cannotStart, isReady, type Pod, stateOf } from '../pods.ts'

const revisionAnnotation = 'deployment.kubernetes.io/revision'
const causeAnnotation = 'kubernetes.io/change-cause'
/** The annotation that `kubectl rollout restart` changes, so that all pods are replaced. */
const restartAnnotation = 'kubectl.kubernetes.io/restartedAt'
/** The label with which a Deployment marks the pods of each ReplicaSet. */
const hashLabel = 'pod-template-hash'

const annotations = z.record(z.string(), z.string()).default({})
const container = z.object({
  name: z.string(),
  image: z.string(),
  env: z.array(z.object({ name: z.string(), value: z.string().optional(), valueFrom: z.unknown().optional() })).default([]),
  envFrom: z.array(z.object({ configMapRef: z.object({ name: z.string() }).optional() })).default([]),
})
const template = z.object({ spec: z.object({ containers: z.array(container) }) })

const deploymentSchema = z.object({
  metadata: z.object({ generation: z.number(), annotations }),
  spec: z.object({
    replicas: z.number().default(1),
    paused: z.boolean().default(false),
    strategy: z.object({
      rollingUpdate: z
        .object({ maxSurge: z.union([z.number(), z.string()]), maxUnavailable: z.union([z.number(), z.string()]) })
        .default({ maxSurge: '100%', maxUnavailable: '100%' }),
    }),
    template,
  }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string(), lastTransitionTime: z.string() }))
        .default([]),
    })
    .default({ observedGeneration: 0, conditions: [] }),
})
export type Deployment = z.infer<typeof deploymentSchema>

const replicaSetSchema = z.object({
  metadata: z.object({
    name: z.string(),
    creationTimestamp: z.string(),
    annotations,
    labels: z.record(z.string(), z.string()).default({}),
    ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
  }),
  spec: z.object({ template }),
})
export type ReplicaSet = z.infer<typeof replicaSetSchema>

/** A rollout in a cluster has no objectives, because Kubernetes knows only the probes. */
export type ClusterRollout = Pick<
  Rollout,
  'target' | 'from' | 'startedAt' | 'maxSurge' | 'maxUnavailable' | 'progressDeadlineSeconds' | 'replicas' | 'rollingBack' | 'ended'
>
export type ClusterRecord = Omit<RolloutRecord, 'rollout'> & { readonly rollout: ClusterRollout }

/** The state of the Deployment at one moment. */
export interface Observed {
  /** False until the Deployment controller has processed the latest change. */
  readonly current: boolean
  readonly paused: boolean
  readonly record: ClusterRecord
  readonly replicas: readonly RolloutReplica[]
  /** The controller's own reason why the rollout does not progress, if there is one. */
  readonly stuck: string | undefined
}

/** Parses the output of `kubectl get deployment ws -o json`. */
export function readDeployment(text: string): Deployment {
  return deploymentSchema.parse(JSON.parse(text))
}

/** Parses the output of `kubectl get replicasets -o json`, and returns only those that the Deployment owns. */
export function readReplicaSets(text: string): ReplicaSet[] {
  const { items } = z.object({ items: z.array(replicaSetSchema) }).parse(JSON.parse(text))
  const isOwner = ({ kind, name }: { kind: string; name: string }) => kind === 'Deployment' && name === services.ws
  return items.filter(({ metadata }) => metadata.ownerReferences.some(isOwner))
}

/** Parses the output of `kubectl get configmap NAME -o json`. */
export function readConfigMap(text: string): Record<string, string> {
  return z.object({ data: z.record(z.string(), z.string()).default({}) }).parse(JSON.parse(text)).data
}

/** Returns the name of the ConfigMap that contains the replicas' settings. */
export function configMapOf(deployment: Deployment): string | undefined {
  return replicaContainer(deployment).envFrom.find(({ configMapRef }) => configMapRef !== undefined)?.configMapRef?.name
}

/** @param progressDeadlineSeconds time limit for each new pod */
export function observe(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  pods: readonly Pod[],
  { progressDeadlineSeconds, rollingBack }: { progressDeadlineSeconds: number; rollingBack: boolean },
): Observed {
  const { metadata, spec, status } = deployment
  const revisions = replicaSets.map(revisionOf).sort((a, b) => a.number - b.number)
  const target = Number(metadata.annotations[revisionAnnotation] ?? 0)
  const owner = replicaSets.find((one) => numberOf(one) === target)
  const replicas = pods.map((pod, index) => rolloutReplica(pod, index, owner?.metadata.labels[hashLabel]))
  const current = status.observedGeneration >= metadata.generation
  const { maxSurge, maxUnavailable } = spec.strategy.rollingUpdate
  const available = replicas.filter(({ updated, state }) => updated && state === 'available').length
  const complete = current && !spec.paused && replicas.every(({ updated }) => updated) && available >= spec.replicas
  const warnings = status.conditions.filter(
    ({ type, status: value }) => (type === 'Progressing' && value === 'False') || (type === 'ReplicaFailure' && value === 'True'),
  )
  const rollout: ClusterRollout = {
    target,
    from: revisions.findLast(({ number }) => number < target)?.number ?? target,
    startedAt: owner?.metadata.creationTimestamp ?? '',
    maxSurge: podCount(maxSurge, spec.replicas, Math.ceil),
    maxUnavailable: podCount(maxUnavailable, spec.replicas, Math.floor),
    progressDeadlineSeconds,
    replicas: spec.replicas,
    rollingBack,
    ...(complete && { ended: 'complete' }),
  }
  const events = warnings.map(({ reason, message, lastTransitionTime: time }) => ({ time, type: 'Warning', reason, message }) as const)
  const stuck = warnings.find(({ type }) => type === 'Progressing')
  return {
    current,
    paused: spec.paused,
    record: { revisions, rollout, events },
    replicas,
    stuck: stuck && `${stuck.reason}: ${stuck.message}`,
  }
}

function numberOf({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations[revisionAnnotation] ?? 0)
}

function revisionOf(replicaSet: ReplicaSet): Revision {
  const { name, creationTimestamp, annotations: given, labels } = replicaSet.metadata
  return {
    number: numberOf(replicaSet),
    version: { hash: labels[hashLabel] ?? name, image: replicaContainer(replicaSet).image },
    since: creationTimestamp,
    cause: given[causeAnnotation] ?? 'applied',
    settings: {},
    recoverable: true,
  }
}

function replicaContainer({ spec }: { spec: { template: z.infer<typeof template> } }): z.infer<typeof container> {
  const found = spec.template.spec.containers.find(({ name }) => name === services.ws)
  if (found === undefined) throw new LabError(`the Deployment ${services.ws} has no container ${services.ws}`)
  return found
}

/** Returns the number of pods that a number or percentage in a Deployment's strategy stands for. */
function podCount(value: number | string, replicas: number, round: (exact: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseFloat(value) / 100) * replicas)
}

/** Exit code of a process that was killed with SIGKILL. */
const killedExitCode = 137

function rolloutReplica(pod: Pod, index: number, targetHash: string | undefined): RolloutReplica {
  const { name, creationTimestamp, labels, deletionTimestamp } = pod.metadata
  const [status] = pod.status.containerStatuses
  const base = {
    id: name,
    name,
    number: index + 1,
    updated: labels[hashLabel] === targetHash,
    createdAtSeconds: Date.parse(creationTimestamp) / 1000,
  }
  if (deletionTimestamp !== undefined) return { ...base, state: 'unavailable', detail: 'it drains' }
  const reason = stateOf(pod)
  if (cannotStart(pod)) return { ...base, state: 'failed', detail: `cannot start: ${reason}` }
  const ended = status?.lastState.terminated
  // A container that was killed by hand, as by `./lab chaos kill`, says nothing about its version. One that exceeds its memory limit does.
  const isKilled = ended?.exitCode === killedExitCode && ended.reason !== 'OOMKilled'
  if (base.updated && ended !== undefined && !isKilled)
    return { ...base, state: 'failed', detail: `ended with exit code ${ended.exitCode} and was started again` }
  if (isReady(pod)) return { ...base, state: 'available', detail: 'it serves' }
  const started = status?.state.running !== undefined
  return { ...base, state: 'starting', detail: started ? 'its readiness probe has not passed yet' : reason }
}

/** A change to the Deployment, as the user requests it. */
export interface Change {
  readonly image?: string
  readonly set?: Readonly<Record<string, string>>
  /** Whether to replace all pods, even if nothing changes. */
  readonly restart?: boolean
  /** The command as the user typed it, for the history. */
  readonly cause: string
}

/**
 * Lists the changes, one line each.
 * @param configured the settings in the replicas' ConfigMap, which variables of the container override
 * @throws LabError if nothing changes, or if a variable's value comes from another object
 */
export function changesOf(
  deployment: Deployment,
  configured: Readonly<Record<string, string>>,
  { image, set = {}, restart }: Change,
): string[] {
  const { env, image: before } = replicaContainer(deployment)
  const foreign = env.find(({ name, valueFrom }) => valueFrom !== undefined && name in set)
  if (foreign !== undefined) throw new LabError(`--set ${foreign.name}: Kubernetes sets this variable, so it cannot have another value`)
  const old = { ...configured, ...Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]))) }
  const changes = changedSettings(old, { ...old, ...set })
  if (image !== undefined && image !== before) changes.push(`image: ${before} -> ${image}`)
  if (changes.length > 0) return changes
  if (restart) return ['restart: nothing changes']
  throw new LabError(
    'nothing to change: every replica has the current configuration and image; to replace the replicas anyway: ./lab rollout restart --on kubernetes',
  )
}

/** Returns the strategic merge patch that makes all of a rollout's changes at once, so that they become one revision. */
export function rolloutPatch({ image, set = {}, restart, cause }: Change, now: Date): string {
  const env = Object.entries(set).map(([name, value]) => ({ name, value }))
  return JSON.stringify({
    metadata: { annotations: { [causeAnnotation]: cause } },
    spec: {
      template: {
        ...(restart && { metadata: { annotations: { [restartAnnotation]: now.toISOString() } } }),
        spec: { containers: [{ name: services.ws, ...(image !== undefined && { image }), ...(env.length > 0 && { env }) }] },
      },
    },
  })
}
