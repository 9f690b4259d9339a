/**
 * What other settings would have done with a recorded load: a model, and these are its rules.
 *
 * - The sum of each metric at each recorded synchronisation is shared out evenly over the replicas that would have been
 *   ready. Real sockets stay where they are, so a real new replica takes load only as clients come and go: the model
 *   settles faster than the lab does, and sees no replica fuller than the others.
 * - What a replica uses without any load is shared out like the rest: fewer replicas look a little busier than they
 *   would be, more replicas a little idler.
 * - A new replica is ready after the time that the recorded ones took. One that is taken away is gone at once.
 * - Object and External metrics stay as recorded, as do moments when a metric could not be read.
 * - The load does not answer: clients that were refused or slowed down in the recording do not come back here.
 * - Every change succeeds; pauses and changes made by hand are not repeated.
 */
import { decide, recordRescale } from '../core/decide.ts'
import type { Memory } from '../core/decision.ts'
import { emptyMemory } from '../core/decision.ts'
import type { HorizontalPodAutoscaler, MetricSpec, Observation, Pod } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import type { LoadTick, RecordedLoad } from './load.ts'
import { neededReplicas } from './load.ts'

/** The count at one synchronisation. */
export interface CurvePoint {
  readonly timeSeconds: number
  /** After the decision. */
  readonly replicas: number
  /** Of those before the decision. */
  readonly ready: number
  /** How many the load would have filled exactly; null: not known. */
  readonly needed: number | null
  readonly changed: boolean
}

export interface Run {
  readonly title: string
  /** null: not known. */
  readonly hpa: HorizontalPodAutoscaler | null
  readonly points: readonly CurvePoint[]
}

interface ModelReplica {
  readonly number: number
  readonly startSeconds: number
  readonly readySeconds: number
}

/** Running for long when the recording begins. */
const longAgoSeconds = 86_400

/** Plays the load through the settings, starting from the recorded count and without any memory. */
export function replay(title: string, hpa: HorizontalPodAutoscaler, load: RecordedLoad): Run {
  const startSeconds = (load.ticks[0]?.timeSeconds ?? 0) - longAgoSeconds
  let replicas: readonly ModelReplica[] = numbered(0, firstCount(load), { startSeconds, readySeconds: startSeconds })
  let memory: Memory = emptyMemory
  const points: CurvePoint[] = []
  for (const tick of load.ticks) {
    const { timeSeconds } = tick
    const { options } = tick
    const decided = decide(hpa, options, observe(tick, replicas, load, hpa.scaleTargetRef.name), memory)
    const { decision, memory: after } = recordRescale(hpa, options, decided, { ok: true })
    memory = after
    const ready = replicas.filter(({ readySeconds }) => readySeconds <= timeSeconds).length
    if (decision.scaleTo !== null) replicas = scaled(replicas, decision.scaleTo, timeSeconds, load.startDelaySeconds)
    points.push({
      timeSeconds,
      replicas: replicas.length,
      ready,
      needed: neededReplicas(hpa.metrics, tick, load.containers),
      changed: decision.scaleTo !== null,
    })
  }
  return { title, hpa, points }
}

/** The recording itself, as it was. Takes the records that the load was made from. */
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

/** The recording as it was when only observations are known of it: what was needed is told by the metrics given. */
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

function numbered(above: number, count: number, times: Omit<ModelReplica, 'number'>): ModelReplica[] {
  return Array.from({ length: count }, (_, i) => ({ number: above + i + 1, ...times }))
}

/** The highest numbers go first, as with Compose. */
function scaled(replicas: readonly ModelReplica[], to: number, nowSeconds: number, startDelaySeconds: number): ModelReplica[] {
  const kept = replicas.slice(0, to)
  return [
    ...kept,
    ...numbered(kept.at(-1)?.number ?? 0, to - kept.length, { startSeconds: nowSeconds, readySeconds: nowSeconds + startDelaySeconds }),
  ]
}

function observe(tick: LoadTick, replicas: readonly ModelReplica[], load: RecordedLoad, service: string): Observation {
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

/** A replica that is not ready yet carries nothing and is not measured. */
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

/** Whose part of a sum: replicas become ready in the order of their position. */
interface Share {
  readonly position: number
  readonly replicas: number
}

/** Whole thousandths that add up to the sum again: a rounded share would ask for a replica too many. */
function shared(amounts: Readonly<Record<string, number>>, { position, replicas }: Share): Record<string, number> {
  return mapValues(amounts, (milli) => Math.floor(milli / replicas) + (position < milli % replicas ? 1 : 0))
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
