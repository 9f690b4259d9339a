/**
 * What a replica's metrics said over the last half minute: rates are differences between two scrapes, as metrics-server
 * makes them from what kubelets report. Pure.
 */
import { metrics } from '@lab/contract/metrics.ts'
import { type Sample, sumOf } from './exposition.ts'

/** One scrape of one replica. Times are Unix seconds. */
export interface Reading {
  timeSeconds: number
  connections: number
  connectionsLimit: number
  state: string
  cpuSeconds: number
  memoryBytes: number
  received: number
  sent: number
  opened: number
  errors: number
  eventLoopUtilization: number
  latencyCount: number
  latencySum: number
  /** Sockets still to leave while draining. */
  drainLeft: number
  /** Whether what it shares with the others answers; one that shares nothing has no store to miss. */
  storeUp: boolean
}

/** What is needed of a scrape. */
export function readingOf(samples: readonly Sample[], timeSeconds: number): Reading {
  const sum = (name: string, labels?: Record<string, string>) => sumOf(samples, name, labels) ?? 0
  const state = samples.find(({ name, value }) => name === metrics.replicaState.name && value === 1)?.labels.state ?? 'starting'
  return {
    timeSeconds,
    state,
    connections: sum(metrics.connectionsActive.name),
    connectionsLimit: sum(metrics.connectionsLimit.name),
    cpuSeconds: sum('process_cpu_seconds_total'),
    memoryBytes: sum('process_resident_memory_bytes'),
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

/** Readings are kept for this long. */
const keepSeconds = 60

/** The readings of one replica, oldest first. */
export class Readings {
  private readonly kept: Reading[] = []

  get last(): Reading | undefined {
    return this.kept.at(-1)
  }

  add(reading: Reading): void {
    this.kept.push(reading)
    while ((this.kept[0]?.timeSeconds ?? 0) < reading.timeSeconds - keepSeconds) this.kept.shift()
  }

  /**
   * Growth per second of a counter.
   * @param windowSeconds over how long, as far as there are readings
   * @returns undefined while there are fewer than two readings
   */
  rate(
    counter: 'cpuSeconds' | 'received' | 'sent' | 'opened' | 'errors',
    windowSeconds: number,
  ): { perSecond: number; overSeconds: number } | undefined {
    const { last } = this
    const first = this.kept.find(({ timeSeconds }) => last !== undefined && timeSeconds >= last.timeSeconds - windowSeconds)
    if (last === undefined || first === undefined || first === last) return undefined
    const overSeconds = last.timeSeconds - first.timeSeconds
    return { perSecond: Math.max(0, last[counter] - first[counter]) / overSeconds, overSeconds }
  }
}
