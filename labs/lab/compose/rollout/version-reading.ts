/** Reads one version's metrics from Prometheus, for a rollout's objectives and for the comparison of a canary with the old version. */
import { replicaLabel } from '@lab/contract/metrics.ts'
import { allReplicas, queries } from '@lab/contract/queries.ts'
import type { Prometheus } from '@lab/host/prometheus.ts'

/** The metrics of all replicas of one version over a time window. */
export interface VersionReading {
  /** Number of connections that clients have opened to this version's replicas. */
  readonly opened: number
  /** Number of messages from clients. */
  readonly messages: number
  readonly errors: number
  /** Number of connections that were lost, or that closed because the replica failed. */
  readonly drops: number
  /** 95th percentile of the time between sending a message and receiving its reply; undefined if no message contained its send time. */
  readonly latencySeconds: number | undefined
}

/** Minimum time window in seconds; Prometheus needs four scrapes to compute a rate. */
export const leastWindowSeconds = 20

/** Reads the metrics of the given replicas over the last `seconds` seconds. Rejects if Prometheus does not respond. */
export async function readVersion(prometheus: Prometheus, replicas: readonly string[], seconds: number): Promise<VersionReading> {
  const selector = `${allReplicas.selector}, ${replicaLabel}=~"${replicas.join('|')}"`
  const asked = queries({ selector, window: `${Math.ceil(seconds)}s` })
  const count = async (perSecond: string) => ((await prometheus.number(perSecond)) ?? 0) * seconds
  const [opened, messages, errors, drops, latencySeconds] = await Promise.all([
    count(asked.openedPerSecond),
    count(asked.receivedPerSecond),
    count(asked.errorsPerSecond),
    count(asked.unexplainedClosesPerSecond),
    prometheus.number(asked.latencyP95Seconds),
  ])
  return { opened, messages, errors, drops, latencySeconds }
}

/** Returns `part` divided by `whole`, or by 1 if `whole` is smaller, so that errors without any messages still yield a ratio above zero. */
export function share(part: number, whole: number): number {
  return part / Math.max(whole, 1)
}

export const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`
export const milliseconds = (seconds: number): string => `${Math.round(1000 * seconds)} ms`
