/**
 * Defines every scaler metric, with its labels. The kube_horizontalpodautoscaler_… metrics have the same names and labels as in
 * kube-state-metrics, so dashboards and alerts for a Kubernetes cluster work unchanged.
 */
import type { MetricSpec } from './metrics.ts'

const autoscaler = ['namespace', 'horizontalpodautoscaler'] as const
const targetMetric = [...autoscaler, 'metric_name', 'metric_target_type'] as const

export const scalerMetrics = {
  info: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_info',
    help: 'Information about this autoscaler. Always 1.',
    labels: [...autoscaler, 'scaletargetref_api_version', 'scaletargetref_kind', 'scaletargetref_name'],
  },
  metadataGeneration: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_metadata_generation',
    help: "Generation of the autoscaler's spec: 1 at the start, and increased by 1 after each change to the file.",
    labels: autoscaler,
  },
  specMinReplicas: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_spec_min_replicas',
    help: 'Lower limit for the number of replicas.',
    labels: autoscaler,
  },
  specMaxReplicas: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_spec_max_replicas',
    help: 'Upper limit for the number of replicas.',
    labels: autoscaler,
  },
  specTargetMetric: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_spec_target_metric',
    help: "Target value of each metric in the autoscaler's spec.",
    labels: targetMetric,
  },
  statusTargetMetric: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_status_target_metric',
    help: "Current value of each metric in the autoscaler's spec. The series is absent while the metric cannot be read.",
    labels: targetMetric,
  },
  statusCurrentReplicas: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_status_current_replicas',
    help: 'Current number of replicas.',
    labels: autoscaler,
  },
  statusDesiredReplicas: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_status_desired_replicas',
    help: 'Desired number of replicas.',
    labels: autoscaler,
  },
  statusCondition: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_status_condition',
    help: '1 for the current status of a condition and 0 for its other statuses (true, false, unknown).',
    labels: [...autoscaler, 'condition', 'status'],
  },
  decisionDuration: {
    kind: 'histogram',
    name: 'scaler_decision_duration_seconds',
    help: 'Duration of a scaling decision, excluding the time to read metrics and to add or remove replicas.',
    labels: autoscaler,
    buckets: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1],
  },
  actionDuration: {
    kind: 'histogram',
    name: 'scaler_action_duration_seconds',
    help: 'Duration of changes in the number of replicas, including drains, by direction and result.',
    labels: [...autoscaler, 'direction', 'result'],
    buckets: [0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 120],
  },
  lastSync: {
    kind: 'gauge',
    name: 'scaler_last_sync_timestamp_seconds',
    help: 'Unix time of the last sync.',
    labels: autoscaler,
  },
  missingReplicas: {
    kind: 'gauge',
    name: 'scaler_missing_replicas',
    help: 'Number of replicas that have no value for the metric.',
    labels: [...autoscaler, 'metric_name'],
  },
  proposedReplicas: {
    kind: 'gauge',
    name: 'scaler_proposed_replicas',
    help: 'Proposed number of replicas after each step of a decision: calculated from the metrics (recommended), after the stabilization windows (stabilized), after the policies (policy_limited), and limited to the range from minReplicas to maxReplicas (bounded). The series is absent while no metric can be read.',
    labels: [...autoscaler, 'stage'],
  },
  tolerance: {
    kind: 'gauge',
    name: 'scaler_tolerance_ratio',
    help: 'Tolerance above (up) and below (down) the target of a metric, within which the number of replicas does not change, as a fraction of the target.',
    labels: [...autoscaler, 'metric_name', 'direction'],
  },
  lastRescale: {
    kind: 'gauge',
    name: 'scaler_last_rescale_timestamp_seconds',
    help: 'Unix time of the last change in the number of replicas. The labels contain the old number of replicas, the new number and the reason.',
    labels: [...autoscaler, 'from', 'to', 'reason'],
  },
  replicaReady: {
    kind: 'gauge',
    name: 'scaler_replica_ready_seconds',
    help: "Time from a replica's start until Docker first reports it as healthy.",
    labels: [...autoscaler, 'replica'],
  },
  drainingReplicas: {
    kind: 'gauge',
    name: 'scaler_draining_replicas',
    help: 'Number of draining replicas, which are not included in the current number of replicas.',
    labels: autoscaler,
  },
  paused: { kind: 'gauge', name: 'scaler_paused', help: '1 while the autoscaler is paused, 0 otherwise.', labels: autoscaler },
  shadowReplicas: {
    kind: 'gauge',
    name: 'scaler_shadow_replicas',
    help: 'Number of replicas that the shadow, an autoscaler that never acts, would have after its decision. The shadow label contains its name.',
    labels: [...autoscaler, 'shadow'],
  },
  leader: {
    kind: 'gauge',
    name: 'scaler_leader',
    help: '1 while this scaler holds the lease of its state folder and acts; 0 while it stands by because another scaler does.',
    labels: [],
  },
  timeScale: {
    kind: 'gauge',
    name: 'scaler_time_scale_ratio',
    help: "Time compression factor, by which the scaler's periods and windows are divided. 1 means real time.",
    labels: [],
  },
} as const satisfies Record<string, MetricSpec>

export type ScalerMetricKey = keyof typeof scalerMetrics

/** Values of the `metric_target_type` label. */
export const metricTargetTypes = ['value', 'utilization', 'average'] as const

/** Values of the `status` label for conditions. */
export const conditionStatuses = ['true', 'false', 'unknown'] as const

/** Values of the `direction` label for scaling actions and tolerances. */
export const scaleDirections = ['up', 'down'] as const

/** Values of the `stage` label for proposed replica counts, in the order in which a decision passes through these steps. */
export const proposalStages = ['recommended', 'stabilized', 'policy_limited', 'bounded'] as const
export type ProposalStage = (typeof proposalStages)[number]
