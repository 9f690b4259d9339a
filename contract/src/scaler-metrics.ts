/**
 * Every metric the scaler exports: the only place where such a name or its labels are spelled. The first ones have the
 * names and labels of kube-state-metrics, so that dashboards and alerts made for a cluster run unchanged.
 */
import type { MetricSpec } from './metrics.ts'

const autoscaler = ['namespace', 'horizontalpodautoscaler'] as const
const targetMetric = [...autoscaler, 'metric_name', 'metric_target_type'] as const

export const scalerMetrics = {
  info: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_info',
    help: 'Information about this autoscaler; always one.',
    labels: [...autoscaler, 'scaletargetref_api_version', 'scaletargetref_kind', 'scaletargetref_name'],
  },
  metadataGeneration: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_metadata_generation',
    help: 'One at first, and one more whenever the scaler meets a changed specification.',
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
    help: 'Target of each metric of the specification.',
    labels: targetMetric,
  },
  statusTargetMetric: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_status_target_metric',
    help: 'Current value of each metric of the specification; absent while it cannot be read.',
    labels: targetMetric,
  },
  statusCurrentReplicas: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_status_current_replicas',
    help: 'Replicas there are.',
    labels: autoscaler,
  },
  statusDesiredReplicas: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_status_desired_replicas',
    help: 'Replicas there should be.',
    labels: autoscaler,
  },
  statusCondition: {
    kind: 'gauge',
    name: 'kube_horizontalpodautoscaler_status_condition',
    help: 'One for the status a condition has, zero for the others (true, false, unknown).',
    labels: [...autoscaler, 'condition', 'status'],
  },
  decisionDuration: {
    kind: 'histogram',
    name: 'scaler_decision_duration_seconds',
    help: 'How long deciding took, without reading the metrics and without acting.',
    labels: [],
    buckets: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1],
  },
  actionDuration: {
    kind: 'histogram',
    name: 'scaler_action_duration_seconds',
    help: 'How long changing the number of replicas took, drains included, by direction and result.',
    labels: ['direction', 'result'],
    buckets: [0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 120],
  },
  lastSync: {
    kind: 'gauge',
    name: 'scaler_last_sync_timestamp_seconds',
    help: 'When the last synchronisation took place, in Unix time.',
    labels: [],
  },
  missingReplicas: {
    kind: 'gauge',
    name: 'scaler_missing_replicas',
    help: 'Replicas that count but have no value of the metric.',
    labels: ['metric_name'],
  },
  proposedReplicas: {
    kind: 'gauge',
    name: 'scaler_proposed_replicas',
    help: 'Replicas asked for, stage by stage: by the metrics (recommended), after the windows (stabilized), after the policies (policy_limited), within min and max (bounded). Absent while no metric can be read.',
    labels: ['stage'],
  },
  tolerance: {
    kind: 'gauge',
    name: 'scaler_tolerance_ratio',
    help: 'How far a metric may be above (up) or below (down) its target without any effect, as a share of the target.',
    labels: ['metric_name', 'direction'],
  },
  lastRescale: {
    kind: 'gauge',
    name: 'scaler_last_rescale_timestamp_seconds',
    help: 'When the scaler changed the number of replicas last, in Unix time; from what to what, and why.',
    labels: ['from', 'to', 'reason'],
  },
  replicaReady: {
    kind: 'gauge',
    name: 'scaler_replica_ready_seconds',
    help: 'From the start of a replica to its first being ready, as Docker says.',
    labels: ['replica'],
  },
  drainingReplicas: {
    kind: 'gauge',
    name: 'scaler_draining_replicas',
    help: 'Replicas on their way out: they do not count any more.',
    labels: [],
  },
  paused: { kind: 'gauge', name: 'scaler_paused', help: 'One while the scaler leaves the replicas alone, zero otherwise.', labels: [] },
  timeScale: {
    kind: 'gauge',
    name: 'scaler_time_scale_ratio',
    help: 'How many times faster than real time periods and windows pass: 1 is real time.',
    labels: [],
  },
} as const satisfies Record<string, MetricSpec>

export type ScalerMetricKey = keyof typeof scalerMetrics

/** Values of the label `metric_target_type`. */
export const metricTargetTypes = ['value', 'utilization', 'average'] as const

/** Values of the label `status` of conditions. */
export const conditionStatuses = ['true', 'false', 'unknown'] as const

/** Values of the label `direction` of actions and tolerances. */
export const scaleDirections = ['up', 'down'] as const

/** Values of the label `stage` of proposals, in the order a proposal goes through them. */
export const proposalStages = ['recommended', 'stabilized', 'policy_limited', 'bounded'] as const
export type ProposalStage = (typeof proposalStages)[number]
