/**
 * The scaler's adapter for the embedded lab: replicas are processes, and metrics are scraped from each of them, much as metrics-server
 * does.
 */
import { services } from '@lab/contract/endpoints.ts'
import { metrics as names } from '@lab/contract/metrics.ts'
import type { MetricSpec, PodReadings } from '@lab/scaler/core/types.ts'
import { seriesKey } from '@lab/scaler/core/types.ts'
import type { ListedReplica, MetricReadings, MetricSource, ReplicaTarget } from '@lab/scaler/ports.ts'
import type { ReplicaProcess, Replicas } from './replicas.ts'

/** A replica's resource requests, as in compose.k8s-sim.yaml: a quarter of a core and 128 MiB. In thousandths. */
const requestsMilli = { cpu: 250, memory: 128 * 1024 * 1024 * 1000 }
/** Length of the window over which CPU and message rates are measured. Seconds. */
const windowSeconds = 10
/** Age in seconds after which a replica's last scrape is ignored, because the replica hangs or has exited. Seconds. */
const staleAfterSeconds = 5

/** Scales, adds, removes and replaces the embedded lab's replica processes. */
export interface ProcessTarget extends ReplicaTarget {
  /** Starts a new replica, and drains the given replica once the new one is ready. Rejects if the new replica does not become ready. */
  replace(id: string, signal: AbortSignal): Promise<void>
  /** Starts replicas of the current version. Rejects if one of these replicas does not become ready. */
  add(count: number, signal: AbortSignal): Promise<void>
  /** Drains a replica, and resolves when the replica has exited. */
  remove(id: string, signal: AbortSignal): Promise<void>
}

/**
 * Scales the replica processes, one action at a time. As with Compose, the replicas with the highest numbers are removed first. All callers
 * must use the same target object, so that no two scaling actions run at once.
 */
export function processTarget(replicas: Replicas): ProcessTarget {
  /** The scaling action in progress, which enforces its own time limit. */
  let current: Promise<unknown> | undefined
  /** Names of the replicas that the last call to `list` returned, except for those that the scaler has since removed. */
  let known: ReadonlySet<string> = new Set()
  let lost = 0
  const forget = (ids: readonly string[]) => {
    known = new Set([...known].filter((id) => !ids.includes(id)))
  }
  const act = async (wanted: number, draining: readonly string[]) => {
    const isUpdated = ({ version }: ReplicaProcess) => version.name === replicas.version.name
    const staying = replicas
      .list()
      .filter(({ id, leaving }) => !leaving && !draining.includes(id))
      .sort((a, b) => Number(isUpdated(b)) - Number(isUpdated(a)))
    if (staying.length < wanted) await replicas.add(wanted - staying.length)
    const removed = staying.slice(wanted).map(({ id }) => id)
    forget(removed)
    await replicas.drain(removed)
    return { removed }
  }
  const removeOne = async (id: string) => {
    forget([id])
    await replicas.drain([id])
    // A call to `list` may have added the draining replica to `known` again.
    forget([id])
  }
  const replaceOne = async (id: string) => {
    await replicas.add(1)
    await removeOne(id)
  }
  const inTurn = async <T>(begin: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted()
    // Two simultaneous scaling actions would both start the missing replicas, so actions run one at a time.
    while (current !== undefined) await unlessAborted(current, signal)
    const action = begin()
    const ended = () => {
      current = undefined
    }
    current = action.then(ended, ended)
    return unlessAborted(action, signal)
  }
  return {
    list: async (signal) => {
      signal.throwIfAborted()
      const listed = replicas.list()
      const ids = new Set(listed.map(({ id }) => id))
      lost += [...known].filter((id) => !ids.has(id)).length
      known = ids
      return listed.map(replicaOf)
    },
    lost: () => {
      const count = lost
      lost = 0
      return count
    },
    scaleTo: (wanted, draining, signal) => inTurn(() => act(wanted, draining), signal),
    replace: (id, signal) => inTurn(() => replaceOne(id), signal),
    add: (count, signal) => inTurn(() => replicas.add(count), signal),
    remove: (id, signal) => inTurn(() => removeOne(id), signal),
  }
}

/**
 * Waits for a scaling action to finish. If the signal aborts before the action has finished, the promise rejects, but the action itself
 * continues.
 */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(signal.reason)
    signal.addEventListener('abort', abandon, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abandon))
  })
}

function replicaOf({ id, ready, startedAtSeconds, readySinceSeconds }: ReplicaProcess): ListedReplica {
  return {
    name: id,
    phase: 'Running',
    startTimeSeconds: startedAtSeconds,
    ready: { status: ready ? 'True' : 'False', sinceSeconds: readySinceSeconds },
    containers: [{ name: services.ws, requestsMilli }],
  }
}

/**
 * Reads the scaler's metrics from each replica's last scrape.
 * @param nowSeconds returns the current Unix time in seconds
 * @param isBlind returns whether metrics are being withheld from the scaler
 */
export function scrapeSource(replicas: Replicas, nowSeconds: () => number, isBlind: () => boolean = () => false): MetricSource {
  return {
    read: async (specs): Promise<MetricReadings> => {
      if (isBlind()) return nothing(specs, 'no replica can be scraped')
      const now = nowSeconds()
      const heard = replicas.list().filter(({ scrapes }) => now - (scrapes.last?.timeSeconds ?? 0) <= staleAfterSeconds)
      const failures: Record<string, string> = {}
      for (const spec of specs) {
        const why = whyNot(spec)
        if (why !== null) failures[seriesKey(spec)] = why
      }
      return {
        replicas: heard.map((replica) => readingsOf(replica, specs)),
        draining: heard
          .filter(({ leaving, scrapes }) => leaving || ['draining', 'closed'].includes(scrapes.last?.state ?? ''))
          .map(({ id, scrapes }) => ({ name: id, seenSeconds: scrapes.last?.timeSeconds ?? now })),
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

/** HPA metrics of type Pods that the embedded lab provides without Prometheus; their values are in thousandths of a unit. */
const podMetrics: Readonly<Record<string, (replica: ReplicaProcess) => number | undefined>> = {
  [names.connectionsActive.name]: ({ scrapes }) => scrapes.last && scrapes.last.connections * 1000,
  websocket_messages_per_second: ({ scrapes }) => {
    const rate = scrapes.rate('received', windowSeconds)
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
  const { scrapes, id } = replica
  const cpu = scrapes.rate('cpuSeconds', windowSeconds)
  const { last } = scrapes
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
