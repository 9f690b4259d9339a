/**
 * Simulates different settings under a recorded load. The simulation makes these assumptions:
 *
 * - The sum of each metric is distributed evenly over the replicas that would have been ready. Real sockets do not move, so a real new
 *   replica receives load only from new clients. The model settles faster than the real lab, because all of its replicas carry the same
 *   load.
 * - The resource usage that is distributed over the replicas includes the usage that replicas cause even when idle. Each simulated replica
 *   therefore appears slightly busier than a real one if fewer replicas run than were recorded, and slightly less busy if more replicas
 *   run.
 * - A new replica becomes ready after the median time that the recorded replicas took to become ready. In the model, a removed replica
 *   exits immediately.
 * - Values of Object and External metrics, and times with unreadable metrics, are taken from the recording.
 * - The load does not depend on the number of replicas, so clients that were refused during the recording are not added to the simulated
 *   load.
 * - Every change succeeds. The model does not reproduce pauses or manual changes.
 */
import { decide, recordRescale } from '../core/decide.ts'
import type { Memory } from '../core/decision.ts'
import { emptyMemory } from '../core/decision.ts'
import type { HorizontalPodAutoscaler, MetricSpec, Observation, Pod } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import type { LoadTick, RecordedLoad } from './load.ts'
import { neededReplicas } from './load.ts'

/** A point on a replica curve: how many replicas exist, are ready, and are needed at the time of a sync. */
export interface CurvePoint {
  readonly timeSeconds: number
  /** Number of replicas after the decision. */
  readonly replicas: number
  /** Number of ready replicas before the decision. */
  readonly ready: number
  /** Number of replicas that the load requires; null if that number is unknown. */
  readonly needed: number | null
  readonly changed: boolean
}

export interface Run {
  readonly title: string
  /** The settings of the run; null if they are unknown. */
  readonly hpa: HorizontalPodAutoscaler | null
  readonly points: readonly CurvePoint[]
}

/** A replica of the model. */
export interface ModelReplica {
  readonly number: number
  readonly startSeconds: number
  readonly readySeconds: number
}

/** Assumed age of the replicas at the start of the recording; longer than any start delay. */
const longAgoSeconds = 86_400

/**
 * Changes the number of replicas before a decision, as a user or a program does that scales the same workload. Returns the new number, or
 * null for no change.
 */
export type Override = (tick: LoadTick, replicas: number) => number | null

/**
 * Simulates the given settings under a recorded load, starting with the first recorded replica count and with the state of a new
 * autoscaler.
 * @param override changes by another client; none by default
 */
export function replay(title: string, hpa: HorizontalPodAutoscaler, load: RecordedLoad, override: Override = () => null): Run {
  let replicas = modelledStart(load)
  let memory: Memory = emptyMemory
  const points: CurvePoint[] = []
  for (const tick of load.ticks) {
    const { timeSeconds } = tick
    const { options } = tick
    const forced = override(tick, replicas.length)
    if (forced !== null)
      replicas = scaledReplicas(replicas, { to: forced, nowSeconds: timeSeconds, startDelaySeconds: load.startDelaySeconds })
    const decided = decide(hpa, options, modelledObservation(tick, replicas, load, hpa.scaleTargetRef.name), memory)
    const { decision, memory: after } = recordRescale(hpa, options, decided, { ok: true })
    memory = after
    const ready = replicas.filter(({ readySeconds }) => readySeconds <= timeSeconds).length
    if (decision.scaleTo !== null)
      replicas = scaledReplicas(replicas, { to: decision.scaleTo, nowSeconds: timeSeconds, startDelaySeconds: load.startDelaySeconds })
    points.push({
      timeSeconds,
      replicas: replicas.length,
      ready,
      needed: neededReplicas(hpa.metrics, tick, load.containers),
      changed: decision.scaleTo !== null || forced !== null,
    })
  }
  return { title, hpa, points }
}

/** Returns the replicas with which the model starts: the first recorded number of replicas, all of which are ready. */
export function modelledStart(load: RecordedLoad): readonly ModelReplica[] {
  const startSeconds = (load.ticks[0]?.timeSeconds ?? 0) - longAgoSeconds
  return numbered({ above: 0, count: firstCount(load) }, { startSeconds, readySeconds: startSeconds })
}

/** Returns the replica curve of the recording. @param records the records from which the load was calculated */
export function recordedRun(
  title: string,
  records: readonly TickRecord[],
  load: RecordedLoad,
): (Run & { readonly hpa: HorizontalPodAutoscaler }) | null {
  const newest = records.at(-1)
  if (newest === undefined) return null
  const points = records.flatMap((record, i): CurvePoint[] => {
    const tick = load.ticks[i]
    if (tick === undefined) return []
    const needed = neededReplicas(record.hpa.metrics, tick, load.containers)
    const changed = record.decision.rescale === 'Succeeded'
    return [{ timeSeconds: tick.timeSeconds, replicas: countAfter(record), ready: readyIn(tick), needed, changed }]
  })
  return { title, hpa: newest.hpa, points }
}

/**
 * Returns the replica curve of recorded observations. The number of replicas that were needed is calculated from the targets of the given
 * metrics.
 */
export function observedRun(title: string, metrics: readonly MetricSpec[], load: RecordedLoad): Run {
  let before = firstCount(load)
  const points = load.ticks.map((tick): CurvePoint => {
    const { scale } = tick.observation
    const replicas = 'specReplicas' in scale ? scale.specReplicas : before
    const changed = replicas !== before
    before = replicas
    return {
      timeSeconds: tick.timeSeconds,
      replicas,
      ready: readyIn(tick),
      needed: neededReplicas(metrics, tick, load.containers),
      changed,
    }
  })
  return { title, hpa: null, points }
}

function readyIn({ observation }: LoadTick): number {
  return observation.pods.filter((pod) => !pod.deleting && pod.ready?.status === 'True').length
}

function countAfter({ decision }: TickRecord): number {
  const { scaleTo, currentReplicas, desiredReplicas } = decision
  return decision.rescale === 'Succeeded' && scaleTo !== null ? scaleTo : (currentReplicas ?? desiredReplicas)
}

function firstCount({ ticks }: RecordedLoad): number {
  for (const { observation } of ticks) {
    const { scale } = observation
    if ('specReplicas' in scale) return scale.specReplicas
  }
  return 0
}

/** Returns new replicas, numbered starting at `above` + 1. */
function numbered({ above, count }: { above: number; count: number }, times: Omit<ModelReplica, 'number'>): ModelReplica[] {
  return Array.from({ length: count }, (_, i) => ({ number: above + i + 1, ...times }))
}

interface Scaling {
  readonly to: number
  readonly nowSeconds: number
  readonly startDelaySeconds: number
}

/** Returns the replicas that exist after scaling. The replicas with the highest numbers are removed first, as with Compose. */
export function scaledReplicas(replicas: readonly ModelReplica[], { to, nowSeconds, startDelaySeconds }: Scaling): ModelReplica[] {
  const staying = replicas.slice(0, to)
  const numbers = { above: staying.at(-1)?.number ?? 0, count: to - staying.length }
  return [...staying, ...numbered(numbers, { startSeconds: nowSeconds, readySeconds: nowSeconds + startDelaySeconds })]
}

/** Returns what the autoscaler observes when the load of a sync is distributed over the model's replicas. @param service name prefix of pods */
export function modelledObservation(
  tick: LoadTick,
  replicas: readonly ModelReplica[],
  load: Pick<RecordedLoad, 'containers'>,
  service: string,
): Observation {
  const recorded = tick.observation
  const ready = replicas.filter(({ readySeconds }) => readySeconds <= tick.timeSeconds).length
  const { failures } = recorded
  return {
    timeSeconds: tick.timeSeconds,
    scale: 'error' in recorded.scale ? recorded.scale : { specReplicas: replicas.length, statusReplicas: replicas.length },
    pods: replicas.map((replica, i) => ({
      ...podOf(replica, tick, { position: i, replicas: ready }, load.containers),
      name: `${service}-${replica.number}`,
    })),
    objectValuesMilli: recorded.objectValuesMilli,
    externalValuesMilli: recorded.externalValuesMilli,
    ...(failures && { failures }),
  }
}

/** Converts a replica to a pod. A replica that is not ready has neither load nor metric values. */
function podOf(
  { startSeconds, readySeconds }: ModelReplica,
  tick: LoadTick,
  share: Share,
  containers: Pod['containers'],
): Omit<Pod, 'name'> {
  const { timeSeconds, podsMilli, usageMilli, windowSeconds } = tick
  const isReady = readySeconds <= timeSeconds
  const isMeasured = isReady && Object.keys(usageMilli).length > 0
  return {
    phase: 'Running',
    deleting: false,
    startTimeSeconds: startSeconds,
    ready: { status: isReady ? 'True' : 'False', sinceSeconds: isReady ? readySeconds : startSeconds },
    containers,
    sample: isMeasured ? { timeSeconds, windowSeconds, usageMilli: mapValues(usageMilli, (amounts) => shared(amounts, share)) } : null,
    valuesMilli: isReady ? shared(podsMilli, share) : {},
  }
}

/**
 * A replica's position among the ready replicas, and the number of ready replicas; together, they determine the replica's share of a sum.
 */
interface Share {
  readonly position: number
  readonly replicas: number
}

/**
 * Returns a replica's share of a sum in whole thousandths. The shares of all replicas add up to exactly the sum. If each share were rounded
 * up instead, the larger total could require an additional replica.
 */
function shared(amounts: Readonly<Record<string, number>>, { position, replicas }: Share): Record<string, number> {
  return mapValues(amounts, (milli) => Math.floor(milli / replicas) + (position < milli % replicas ? 1 : 0))
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
