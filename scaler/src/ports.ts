/** What the loop needs of the world. The adapters speak to the real one, the fakes keep one in memory. Times are Unix seconds. */
import type { MetricSpec, Pod, PodReadings } from './core/types.ts'

export interface Clock {
  /** Unix time in seconds, with fractions. */
  nowSeconds(): number
  /** Resolves after that long, or at once when the signal aborts; never rejects. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>
}

/** A replica as the platform sees it: no metrics, and nothing of whether it drains. */
export type Replica = Omit<Pod, keyof Omit<PodReadings, 'name'> | 'deleting'>

/** The replicas that are there, ordered by their number. */
export interface ReplicaTarget {
  /** Rejects when they cannot be read. */
  list(signal: AbortSignal): Promise<readonly Replica[]>
  /**
   * Has this many replicas and returns when they are started, or gone. Rejects when that fails, when it takes too long, or
   * when the signal aborts. Only one call at a time.
   * @param draining replicas that are on their way out by somebody else's doing: they do not count, and are waited for
   * @returns the names of those that went
   */
  scaleTo(replicas: number, draining: readonly string[], signal: AbortSignal): Promise<{ readonly removed: readonly string[] }>
}

/** One reading of all metrics that an autoscaler asks for. What has no sample is absent. */
export interface MetricReadings {
  readonly replicas: readonly PodReadings[]
  /** Replicas that said of themselves that they are leaving, and when; a successor of the same name has not said it. */
  readonly draining: readonly { readonly name: string; readonly seenSeconds: number }[]
  readonly objectValuesMilli: Readonly<Record<string, number>>
  readonly externalValuesMilli: Readonly<Record<string, readonly number[]>>
  /** seriesKey → why its readings could not be had. */
  readonly failures: Readonly<Record<string, string>>
}

export interface MetricSource {
  /** Never rejects: what cannot be read is among the failures. */
  read(metrics: readonly MetricSpec[], signal: AbortSignal): Promise<MetricReadings>
}

/** How much memory a replica's container holds on to: what the kernel counts for it, less the files it could drop at once. */
export interface WorkingSet {
  readonly name: string
  readonly bytes: number
  readonly timeSeconds: number
}

/** Rejects when they cannot be read; a replica that is on its way in or out may be absent. */
export type ReadWorkingSets = (signal: AbortSignal) => Promise<readonly WorkingSet[]>
