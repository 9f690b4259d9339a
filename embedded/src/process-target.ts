/** The scaler's view of the embedded lab: replicas are processes, and so is what it scales; metrics come from the replicas themselves, as metrics-server reads kubelets. */
import { services } from '@lab/contract/endpoints.ts'
import { metrics as names } from '@lab/contract/metrics.ts'
import type { MetricSpec, PodReadings } from '../../scaler/src/core/types.ts'
import { seriesKey } from '../../scaler/src/core/types.ts'
import type { MetricReadings, MetricSource, Replica, ReplicaTarget } from '../../scaler/src/ports.ts'
import type { ReplicaProcess, Replicas } from './replicas.ts'

/** What a replica asks for, as the overlay compose.k8s-sim.yaml states it: a quarter of a core and 128 MiB. In thousandths. */
const requestsMilli = { cpu: 250, memory: 128 * 1024 * 1024 * 1000 }
/** Over how long CPU and message rates are measured. Seconds. */
const windowSeconds = 10
/** A replica whose last reading is older has no sample: it hangs, or is gone. Seconds. */
const staleAfterSeconds = 5

/** Scales the processes, one action at a time; the highest numbers go, as Compose has it. */
export function processTarget(replicas: Replicas): ReplicaTarget {
  return {
    list: async (signal) => {
      signal.throwIfAborted()
      return replicas.list().map(replicaOf)
    },
    scaleTo: async (wanted, draining, signal) => {
      signal.throwIfAborted()
      const staying = replicas.list().filter(({ id, leaving }) => !leaving && !draining.includes(id))
      if (staying.length < wanted) await unlessAborted(replicas.add(wanted - staying.length), signal)
      const removed = staying.slice(wanted).map(({ id }) => id)
      await unlessAborted(replicas.drain(removed), signal)
      return { removed }
    },
  }
}

/** Waits no longer than until the signal aborts; what has begun goes on, within bounds of its own. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(signal.reason)
    signal.addEventListener('abort', abandon, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abandon))
  })
}

function replicaOf({ id, ready, startedAtSeconds, readySinceSeconds }: ReplicaProcess): Replica {
  return {
    name: id,
    phase: 'Running',
    startTimeSeconds: startedAtSeconds,
    ready: { status: ready ? 'True' : 'False', sinceSeconds: readySinceSeconds },
    containers: [{ name: services.ws, requestsMilli }],
  }
}

/**
 * @param nowSeconds Unix time
 * @param isBlind whether nothing can be read now
 */
export function scrapeSource(replicas: Replicas, nowSeconds: () => number, isBlind: () => boolean = () => false): MetricSource {
  return {
    read: async (specs): Promise<MetricReadings> => {
      if (isBlind()) return nothing(specs, 'no replica can be scraped')
      const now = nowSeconds()
      const heard = replicas.list().filter(({ readings }) => now - (readings.last?.timeSeconds ?? 0) <= staleAfterSeconds)
      const failures: Record<string, string> = {}
      for (const spec of specs) {
        const why = whyNot(spec)
        if (why !== null) failures[seriesKey(spec)] = why
      }
      return {
        replicas: heard.map((replica) => readingsOf(replica, specs)),
        draining: heard
          .filter(({ leaving, readings }) => leaving || ['draining', 'closed'].includes(readings.last?.state ?? ''))
          .map(({ id, readings }) => ({ name: id, seenSeconds: readings.last?.timeSeconds ?? now })),
        objectValuesMilli: {},
        externalValuesMilli: {},
        failures,
      }
    },
  }
}

function nothing(specs: readonly MetricSpec[], why: string): MetricReadings {
  const failures = Object.fromEntries(specs.map((spec) => [seriesKey(spec), why]))
  return { replicas: [], draining: [], objectValuesMilli: {}, externalValuesMilli: {}, failures }
}

/** Pods metrics that can be had without Prometheus, in thousandths. */
const podMetrics: Readonly<Record<string, (replica: ReplicaProcess) => number | undefined>> = {
  [names.connectionsActive.name]: ({ readings }) => readings.last && readings.last.connections * 1000,
  websocket_messages_per_second: ({ readings }) => {
    const rate = readings.rate('received', windowSeconds)
    return rate && Math.round(rate.perSecond * 1000)
  },
}

function whyNot(spec: MetricSpec): string | null {
  if (spec.type === 'Resource' || spec.type === 'ContainerResource') {
    return ['cpu', 'memory'].includes(spec.name) ? null : `the embedded lab has no resource ${spec.name}; it has: cpu, memory`
  }
  if (spec.type === 'Pods' && podMetrics[spec.metric.name]) return null
  return `the embedded lab has no ${spec.type} metric ${spec.metric.name}; it has the Pods metrics ${Object.keys(podMetrics).join(', ')}`
}

function readingsOf(replica: ReplicaProcess, specs: readonly MetricSpec[]): PodReadings {
  const { readings, id } = replica
  const cpu = readings.rate('cpuSeconds', windowSeconds)
  const { last } = readings
  const valuesMilli: Record<string, number> = {}
  for (const spec of specs) {
    const value = spec.type === 'Pods' ? podMetrics[spec.metric.name]?.(replica) : undefined
    if (value !== undefined) valuesMilli[seriesKey(spec)] = value
  }
  if (cpu === undefined || last === undefined) return { name: id, sample: null, valuesMilli }
  const usage = { cpu: Math.round(cpu.perSecond * 1000), memory: last.memoryBytes * 1000 }
  const sample = { timeSeconds: last.timeSeconds, windowSeconds: cpu.overSeconds, usageMilli: { [services.ws]: usage } }
  return { name: id, sample, valuesMilli }
}
