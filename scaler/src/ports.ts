/**
 * Defines the ports through which the control loop accesses other systems. Adapters implement the ports with Docker and Prometheus, and
 * fakes implement them in memory. All times are in Unix seconds.
 */
import type { WaitingReason } from '@lab/contract/kube-state-metrics.ts'
import type { MetricSpec, Pod, PodReadings, ResourceAmounts } from './core/types.ts'
import type { RolloutScale } from './rollout-file.ts'

export interface Clock {
  /** Unix time in seconds, including fractions. */
  nowSeconds(): number
  /** Resolves after the given number of seconds, or immediately when the signal aborts. Never rejects. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>
}

/** What Docker reports about a replica's container and no decision depends on. These facts are exported as metrics. */
export interface ContainerFacts {
  readonly id: string
  /** Unix time. */
  readonly createdSeconds: number
  /** Identifies the configuration and the image from which the container was created. */
  readonly template: string
  /** The reason why the container does not run yet or again; null for a container that runs. */
  readonly waiting: WaitingReason | null
  /** How often Docker has restarted the container. */
  readonly restarts: number
  readonly limitsMilli: ResourceAmounts
}

/** A replica as listed by Docker, without its metrics and draining state. */
export type ListedReplica = Omit<Pod, keyof Omit<PodReadings, 'name'> | 'deleting'> & {
  /** Absent if the replicas are not listed by Docker. */
  readonly facts?: ContainerFacts
}

/** Reads and writes the workload's desired number of replicas while a rollout is under way. */
export interface RolloutPort {
  /** Returns the current rollout's revisions and desired number of replicas, or undefined if no rollout is under way. Never rejects. */
  read(): Promise<RolloutScale | undefined>
  write(scale: RolloutScale): Promise<void>
}

/** The workload that is scaled. */
export interface ReplicaTarget {
  /** Returns the existing replicas, ordered by number. Rejects if the replicas cannot be read. */
  list(signal: AbortSignal): Promise<readonly ListedReplica[]>
  /**
   * Returns how many replicas have exited unexpectedly since the last call, for example because of a crash. Targets that cannot count lost
   * replicas do not implement this method.
   */
  lost?(): number
  /**
   * Scales the workload to the given number of replicas. Resolves once the new replicas have started or the removed replicas have exited.
   * Also starts replicas that were created but not started, even if the workload already has the given number of replicas. Rejects on
   * failure, after a timeout, or when the signal aborts. Only one scaleTo call may run at a time.
   * @param draining replicas that another client is stopping; they do not count as replicas, and the call waits until they have exited
   * @returns the names of the removed replicas
   */
  scaleTo(replicas: number, draining: readonly string[], signal: AbortSignal): Promise<{ readonly removed: readonly string[] }>
}

/** The values of all of an autoscaler's metrics at one point in time. A metric that has no sample is omitted. */
export interface MetricReadings {
  readonly replicas: readonly PodReadings[]
  /**
   * Replicas that report that they are draining, each with its sample time, because a former replica may have had the same name as an
   * existing one.
   */
  readonly draining: readonly { readonly name: string; readonly seenSeconds: number }[]
  readonly objectValuesMilli: Readonly<Record<string, number>>
  readonly externalValuesMilli: Readonly<Record<string, readonly number[]>>
  /** Reasons why metrics are unavailable, keyed by seriesKey. */
  readonly failures: Readonly<Record<string, string>>
}

export interface MetricSource {
  /** Reads all metrics. Never rejects: metrics that cannot be read are listed in `failures`. */
  read(metrics: readonly MetricSpec[], signal: AbortSignal): Promise<MetricReadings>
}

/** The resource usage of a replica's container, as metrics-server would report it. */
export interface WorkingSet {
  readonly name: string
  /** The memory usage minus the inactive file cache. */
  readonly bytes: number
  readonly timeSeconds: number
  /** The CPU usage between two readings; absent until the container has been read twice since it started. */
  readonly cpu?: CpuUsage
}

/** A container's mean CPU usage over a window that ends at `timeSeconds`. */
export interface CpuUsage {
  /** Billionths of a core, a whole number. */
  readonly nanocores: number
  readonly timeSeconds: number
  readonly windowSeconds: number
}

/**
 * Reads the replicas' memory and CPU usage. Rejects if the usage cannot be read. Replicas that are starting or stopping may be missing from
 * the result.
 */
export type ReadWorkingSets = (signal: AbortSignal) => Promise<readonly WorkingSet[]>
