/** Builds the Kubernetes objects of a parity run. Pure. */
import type { HorizontalPodAutoscaler, Pod } from '@lab/scaler/core/types.ts'
import { specOf } from '@lab/scaler/views/object.ts'

/** The label that the scale target selects. */
const label = { app: 'parity' }

/** Paths of the API that contain the objects in a namespace. */
export const pathsIn = (namespace: string) => ({
  pods: `/api/v1/namespaces/${namespace}/pods`,
  deployments: `/apis/apps/v1/namespaces/${namespace}/deployments`,
  autoscalers: `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`,
})

export function namespaceObject(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

/** Returns a Deployment for which no controller creates pods. */
export function deploymentObject(name: string, replicas: number): object {
  const template = { metadata: { labels: label }, spec: { containers: [{ name: 'main', image: 'none' }] } }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas, selector: { matchLabels: label }, template } }
}

export function autoscalerObject(hpa: HorizontalPodAutoscaler): object {
  return { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: hpa.name }, spec: specOf(hpa) }
}

/** Returns a pod without its status. */
export function podObject({ name, containers }: Pod): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: label },
    spec: {
      containers: containers.map((container) => ({
        name: container.name,
        image: 'none',
        resources: { requests: Object.fromEntries(Object.entries(container.requestsMilli).map(([key, milli]) => [key, `${milli}m`])) },
      })),
    },
  }
}

/** Returns the fields of a pod's status that the HPA controller reads. */
export function podStatus({ phase, startTimeSeconds, ready }: Pod): object {
  const since = ready && timestamp(ready.sinceSeconds)
  return {
    phase,
    startTime: startTimeSeconds === null ? null : timestamp(startTimeSeconds),
    conditions: ready ? [{ type: 'Ready', status: ready.status, lastTransitionTime: since }] : null,
  }
}

/** The metrics APIs, which the API server forwards to a server on this machine. */
export const metricsApis = [
  { group: 'metrics.k8s.io', version: 'v1beta1' },
  { group: 'custom.metrics.k8s.io', version: 'v1beta2' },
  { group: 'external.metrics.k8s.io', version: 'v1beta1' },
] as const

/** The Service through which the API server finds the metrics server. */
export const metricsService = { namespace: 'kube-system', name: 'parity-metrics' } as const

export function metricsServiceObject(): object {
  const { name } = metricsService
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { type: 'ExternalName', externalName: 'localhost' } }
}

export function apiServiceObject({ group, version }: (typeof metricsApis)[number], port: number): object {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${version}.${group}` },
    spec: {
      group,
      version,
      service: { ...metricsService, port },
      insecureSkipTLSVerify: true,
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  }
}

/** Formats a time as the API does. */
export function timestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
