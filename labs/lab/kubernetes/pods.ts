/** Derives replicas from the pods that kubectl prints as JSON. Pure. */
import { nameLabel } from '@lab/contract/kubernetes.ts'
import { z } from 'zod'
import type { Replica } from '../lab.ts'

const containerState = z.object({
  running: z.object({ startedAt: z.string() }).optional(),
  waiting: z.object({ reason: z.string().optional() }).optional(),
  terminated: z.object({ exitCode: z.number(), reason: z.string().optional() }).optional(),
})

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  status: z.object({
    phase: z.string().default('Pending'),
    conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
    containerStatuses: z.array(z.object({ name: z.string(), state: containerState, lastState: containerState.default({}) })).default([]),
  }),
})
export type Pod = z.infer<typeof podSchema>

const podList = z.object({ items: z.array(podSchema) })

/** Parses the output of `kubectl get pods -o json`. */
export function readPods(text: string): Pod[] {
  return podList.parse(JSON.parse(text)).items
}

/** Returns the name of the service that a pod belongs to; undefined for a pod without the label. */
export function serviceOf({ metadata }: Pod): string | undefined {
  return metadata.labels[nameLabel]
}

/** Returns a service's pods whose containers have not exited for good, including pods that are starting or draining. Oldest first. */
export function podsOf(service: string, pods: readonly Pod[]): Pod[] {
  return pods
    .filter((pod) => serviceOf(pod) === service && !['Succeeded', 'Failed'].includes(pod.status.phase))
    .sort((a, b) => compare(a.metadata.creationTimestamp, b.metadata.creationTimestamp) || compare(a.metadata.name, b.metadata.name))
}

/** Whether a pod is Ready and is not being deleted. */
export function isReady({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status.conditions.some((one) => one.type === 'Ready' && one.status === 'True')
}

/** Returns the replica that runs in a pod. */
export function replicaOf(pod: Pod): Replica {
  const startedAt = pod.status.containerStatuses[0]?.state.running?.startedAt
  return { name: pod.metadata.name, healthy: isReady(pod), startedAtSeconds: startedAt === undefined ? 0 : Date.parse(startedAt) / 1000 }
}

/** Returns a pod's state in one word, as in the STATUS column of `kubectl get pods`. */
export function stateOf({ metadata, status }: Pod): string {
  if (metadata.deletionTimestamp !== undefined) return 'terminating'
  const waiting = status.containerStatuses.find(({ state }) => state.waiting?.reason !== undefined)?.state.waiting?.reason
  return waiting ?? status.phase.toLowerCase()
}

/** Reasons for which a container does not start, and that Kubernetes retries without end. */
const startProblems = ['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'CreateContainerConfigError', 'CrashLoopBackOff']

/** Whether a pod's container cannot start, for example because the node cannot get its image. */
export function cannotStart(pod: Pod): boolean {
  return startProblems.includes(stateOf(pod))
}

/** Whether the pod is in CrashLoopBackOff: its container has exited repeatedly, and Kubernetes waits before it restarts the container. */
export function isCrashLooping({ status }: Pod): boolean {
  return status.containerStatuses.some(({ state }) => state.waiting?.reason === 'CrashLoopBackOff')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
