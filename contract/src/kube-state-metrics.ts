/**
 * Defines the metrics about the scale target and its replicas that the scaler exports for dashboards and rules made for kube-state-metrics.
 * Names, labels and values are those of kube-state-metrics. The scaler exports only what it knows from the HorizontalPodAutoscaler, from
 * its observation and from Docker, so other metrics and labels of kube-state-metrics are absent.
 */
import type { MetricSpec } from './metrics.ts'

const deployment = ['namespace', 'deployment'] as const
const pod = ['namespace', 'pod', 'uid'] as const
const container = [...pod, 'container'] as const
const resource = [...container, 'resource', 'unit'] as const

export const kubeStateMetrics = {
  deploymentSpecReplicas: {
    kind: 'gauge',
    name: 'kube_deployment_spec_replicas',
    help: 'Requested number of replicas of the scale target.',
    labels: deployment,
  },
  deploymentReplicas: {
    kind: 'gauge',
    name: 'kube_deployment_status_replicas',
    help: 'Number of replicas, excluding draining ones.',
    labels: deployment,
  },
  deploymentReplicasReady: {
    kind: 'gauge',
    name: 'kube_deployment_status_replicas_ready',
    help: 'Number of ready replicas, excluding draining ones.',
    labels: deployment,
  },
  deploymentReplicasAvailable: {
    kind: 'gauge',
    name: 'kube_deployment_status_replicas_available',
    help: 'Number of available replicas. Every ready replica is available, as with minReadySeconds 0.',
    labels: deployment,
  },
  deploymentReplicasUnavailable: {
    kind: 'gauge',
    name: 'kube_deployment_status_replicas_unavailable',
    help: 'Number of replicas that are not available.',
    labels: deployment,
  },
  deploymentReplicasUpdated: {
    kind: 'gauge',
    name: 'kube_deployment_status_replicas_updated',
    help: 'Number of replicas with the same configuration and image as the newest replica.',
    labels: deployment,
  },
  podInfo: {
    kind: 'gauge',
    name: 'kube_pod_info',
    help: 'Information about a replica. Always 1. The uid is the id of the container.',
    labels: [...pod, 'created_by_kind', 'created_by_name'],
  },
  podOwner: {
    kind: 'gauge',
    name: 'kube_pod_owner',
    help: 'The owner of a replica, which is the scale target itself: Compose has no ReplicaSets. Always 1.',
    labels: [...pod, 'owner_kind', 'owner_name', 'owner_is_controller'],
  },
  podStartTime: {
    kind: 'gauge',
    name: 'kube_pod_start_time',
    help: 'Unix time at which the replica started.',
    labels: pod,
  },
  podPhase: {
    kind: 'gauge',
    name: 'kube_pod_status_phase',
    help: "1 for the replica's current phase and 0 for all other phases.",
    labels: [...pod, 'phase'],
  },
  podReady: {
    kind: 'gauge',
    name: 'kube_pod_status_ready',
    help: "1 for the current status of the replica's Ready condition and 0 for its other statuses (true, false, unknown).",
    labels: [...pod, 'condition'],
  },
  containerReady: {
    kind: 'gauge',
    name: 'kube_pod_container_status_ready',
    help: "1 while the container's health check succeeds, 0 otherwise.",
    labels: container,
  },
  containerRunning: {
    kind: 'gauge',
    name: 'kube_pod_container_status_running',
    help: '1 while the container runs, 0 otherwise.',
    labels: container,
  },
  containerWaiting: {
    kind: 'gauge',
    name: 'kube_pod_container_status_waiting',
    help: '1 while the container has been created but not started, or waits for its restart; 0 otherwise.',
    labels: container,
  },
  containerWaitingReason: {
    kind: 'gauge',
    name: 'kube_pod_container_status_waiting_reason',
    help: 'The reason why the container waits: ContainerCreating, or CrashLoopBackOff before a restart. The series is absent otherwise.',
    labels: [...container, 'reason'],
  },
  containerRestarts: {
    kind: 'counter',
    name: 'kube_pod_container_status_restarts_total',
    help: 'How often Docker has restarted the container.',
    labels: container,
  },
  containerRequests: {
    kind: 'gauge',
    name: 'kube_pod_container_resource_requests',
    help: 'Requested CPU (cores) and memory (bytes), from the lab.requests labels or deploy.resources.reservations.',
    labels: resource,
  },
  containerLimits: {
    kind: 'gauge',
    name: 'kube_pod_container_resource_limits',
    help: "The container's limits on CPU (cores) and memory (bytes).",
    labels: resource,
  },
} as const satisfies Record<string, MetricSpec>

export type KubeStateMetricKey = keyof typeof kubeStateMetrics

/** Values of the `phase` label. */
export const podPhases = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const

/** Values of the `reason` label of a waiting container. */
export const waitingReasons = ['ContainerCreating', 'CrashLoopBackOff'] as const
export type WaitingReason = (typeof waitingReasons)[number]
