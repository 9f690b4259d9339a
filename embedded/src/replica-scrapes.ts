/**
 * The most recent scrapes of a replica. Rates are computed from the difference between two scrapes, as metrics-server computes them from
 * the kubelet's counters. Pure.
 */
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { type Sample, sumOf } from './exposition.ts'

/** The values that the lab read from a replica's metrics in one scrape. All times are in Unix seconds. */
export interface Scrape {
  timeSeconds: number
  connections: number
  connectionsLimit: number
  state: string
  /** The replica's version; null if the replica does not report one. */
  version: string | null
  /** The replica's colour; null if the replica does not report one. */
  colour: string | null
  cpuSeconds: number
  memoryBytes: number
  received: number
  sent: number
  opened: number
  errors: number
  eventLoopUtilization: number
  latencyCount: number
  latencySum: number
  /** Number of sockets that a draining replica still has to close. */
  drainLeft: number
  /** Whether the replica can reach the shared store; also true if there is no shared store. */
  storeUp: boolean
}

/** Extracts the values that the lab uses from a scrape. */
export function scrapeOf(samples: readonly Sample[], timeSeconds: number): Scrape {
  const sum = (name: string, labels?: Record<string, string>) => sumOf(samples, name, labels) ?? 0
  const state = samples.find(({ name, value }) => name === metrics.replicaState.name && value === 1)?.labels.state ?? 'starting'
  const { version = null, colour = null } = samples.find(({ name }) => name === metrics.buildInfo.name)?.labels ?? {}
  return {
    timeSeconds,
    state,
    version,
    colour,
    connections: sum(metrics.connectionsActive.name),
    connectionsLimit: sum(metrics.connectionsLimit.name),
    cpuSeconds: sum(standardMetrics.cpuSeconds),
    memoryBytes: sum(standardMetrics.residentBytes),
    received: sum(metrics.messages.name, { direction: 'received' }),
    sent: sum(metrics.messages.name, { direction: 'sent' }),
    opened: sum(metrics.connectionsOpened.name),
    errors: sum(metrics.errors.name),
    eventLoopUtilization: sum(metrics.eventLoopUtilization.name),
    latencyCount: sum(`${metrics.messageLatency.name}_count`),
    latencySum: sum(`${metrics.messageLatency.name}_sum`),
    drainLeft: sum(metrics.drainSocketsLeft.name),
    storeUp: samples.every(({ name, value }) => name !== metrics.dependencyUp.name || value === 1),
  }
}

/** Maximum age of a scrape, in seconds; older scrapes are dropped. */
const retentionSeconds = 60

/** The scrapes of one replica, oldest first. */
export class ReplicaScrapes {
  private readonly scrapes: Scrape[] = []

  get last(): Scrape | undefined {
    return this.scrapes.at(-1)
  }

  add(scrape: Scrape): void {
    this.scrapes.push(scrape)
    while ((this.scrapes[0]?.timeSeconds ?? 0) < scrape.timeSeconds - retentionSeconds) this.scrapes.shift()
  }

  /**
   * Returns the per-second increase of a counter.
   * @param windowSeconds period over which the increase is measured; a shorter period is used if there are too few scrapes
   * @returns undefined if fewer than two scrapes fall within the window
   */
  rate(
    counter: 'cpuSeconds' | 'received' | 'sent' | 'opened' | 'errors',
    windowSeconds: number,
  ): { perSecond: number; overSeconds: number } | undefined {
    const { last } = this
    const first = this.scrapes.find(({ timeSeconds }) => last !== undefined && timeSeconds >= last.timeSeconds - windowSeconds)
    if (last === undefined || first === undefined || first === last) return undefined
    const overSeconds = last.timeSeconds - first.timeSeconds
    return { perSecond: Math.max(0, last[counter] - first[counter]) / overSeconds, overSeconds }
  }
}
