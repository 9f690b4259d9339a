/** Defines the types that the metric evaluation functions share. */
import type { CpuTiming } from './group-pods.ts'
import type { Tolerances } from './tolerance.ts'
import type { MetricSpec, Observation, ReplicaCounts } from './types.ts'

/** A value, or the error message that Kubernetes shows in events and conditions if the value cannot be determined. */
export type ValueOrError<T> = { readonly value: T } | { readonly error: string }

/** Metrics that have one value for each pod. */
export type PerPodMetric = Extract<MetricSpec, { type: 'Resource' | 'ContainerResource' | 'Pods' }>

/** Metrics that have one value for the whole workload. */
export type WholeMetric = Extract<MetricSpec, { type: 'Object' | 'External' }>

/** The evaluation input that is the same for all metrics in a sync. */
export interface Evaluation {
  readonly observation: Observation
  readonly counts: ReplicaCounts
  readonly tolerances: Tolerances
  readonly cpuTiming: CpuTiming
  /** Namespace of the autoscaler, which appears in some messages. */
  readonly namespace: string
}
