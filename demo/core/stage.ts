/** The port to a lab: what a scene can see of it and do to it, wherever it runs. Pure: types, and what follows from readings. */
import type { FaultName } from '../../chaos/core/faults.ts'
import type { Measured, Surface } from './events.ts'

export interface ReplicaSeen {
  readonly id: string
  readonly state: 'starting' | 'ready' | 'draining' | 'silent'
  readonly sockets: number
  /** Unix seconds: tells a replica from its successor of the same name. Zero while it starts. */
  readonly startedAtSeconds: number
}

/** A decision of the scaler's, as its record says. */
export interface DecisionSeen {
  /** ISO 8601: also what tells one from another. */
  readonly time: string
  readonly current: number | null
  readonly desired: number | null
  readonly reason: string
  readonly text: string
}

/** The lab at one moment. Null: this lab cannot tell, or not now. */
export interface Readings {
  /** When they were read. Unix seconds. */
  readonly atSeconds: number
  readonly replicas: readonly ReplicaSeen[]
  /** Sockets that the load is to have. */
  readonly loadWanted: number
  /** Replies to what the load's clients say. */
  readonly answersPerSecond: number | null
  readonly p95Ms: number | null
  /**
   * Times that a client dialled again, sessions that went on elsewhere, room messages known to be missing. They count since the
   * lab began, whatever was played on it since: what a scene tells of them is what they have gained.
   */
  readonly reconnects: number | null
  readonly moves: number | null
  readonly lost: number | null
  readonly storeUp: boolean | null
  readonly scaler: {
    readonly desired: number | null
    readonly min: number
    readonly max: number
    /** Sockets that a replica shall have on average. */
    readonly target: number | null
    readonly paused: boolean
  } | null
  /** The last decisions, the newest last. */
  readonly decisions: readonly DecisionSeen[]
}

/** What a scene cannot do without. */
export type Need = 'scaler' | 'store'

/** Settings of the scaler that scenes change. Seconds as the HorizontalPodAutoscaler counts them. */
export interface ScalerSettings {
  readonly scaleDownWindowSeconds: number
  /** How much may go at a time. */
  readonly scaleDownPodsPerPeriod: number
  readonly scaleDownPeriodSeconds: number
}

/** Every call ends within a bound of its own: it resolves, or rejects with one line. */
export interface Stage {
  readonly surface: Surface
  /** How much faster than in a cluster the scaler's time goes. */
  readonly timeScale: number
  /** How often there is something new to see. Seconds. */
  readonly lookEverySeconds: number
  /** Which share of the load's sockets is open at any time: visitors may come and go. */
  readonly steadyShare: number
  /** Where each figure is read. */
  readonly sources: Readonly<Record<FigureName, string>>
  /** Why it has no such thing, in one line for a person; undefined when it has. */
  lacks(need: Need): string | undefined
  /** Rejects when the lab cannot be read just now. */
  read(): Promise<Readings>
  /** Has so many sockets open from now on. Resolves when that was asked for. */
  setLoad(sockets: number): Promise<void>
  /** Begins a fault of `chaos`, on one replica where it takes one. Resolves when it has begun. */
  fault(name: FaultName, replica: string | null): Promise<void>
  /** Takes it back. Does nothing when it is over. */
  endFault(name: FaultName, replica: string | null): Promise<void>
  /** Takes Valkey away, or brings it back. */
  setStore(up: boolean): Promise<void>
  /** Has so many replicas, whatever the scaler thinks of it. Resolves when that was asked for. */
  setReplicas(count: number): Promise<void>
  /** Asks one to leave, for good. Resolves when that was asked for. */
  retire(replica: string): Promise<void>
  pauseScaler(paused: boolean): Promise<void>
  /** Null: as they were before the scene. Resolves when the scaler has them. */
  setScaler(settings: ScalerSettings | null): Promise<void>
  /** Lets go of the lab; ends it when it was started for this stage. */
  close(): Promise<void>
}

/** What can be said of readings, by the name that stands for it in a text, with its unit. */
export const figureUnits = {
  replicas: 'replicas',
  starting: 'replicas',
  draining: 'replicas',
  sockets: 'sockets',
  fullest: 'sockets',
  emptiest: 'sockets',
  answers: 'messages/s',
  p95: 'ms',
  desired: 'replicas',
  min: 'replicas',
  max: 'replicas',
  target: 'sockets',
} as const
export type FigureName = keyof typeof figureUnits

export function isFigure(name: string): name is FigureName {
  return Object.hasOwn(figureUnits, name)
}

const tenth = (value: number) => Math.round(value * 10) / 10

/** The value of a figure, rounded as it is shown; null when these readings do not have it. */
export function figureOf(name: FigureName, readings: Readings): number | null {
  const { replicas, scaler } = readings
  const inState = (wanted: ReplicaSeen['state']) => replicas.filter(({ state }) => state === wanted)
  const filled = inState('ready').map(({ sockets }) => sockets)
  switch (name) {
    case 'replicas':
      return filled.length
    case 'starting':
    case 'draining':
      return inState(name).length
    case 'sockets':
      return replicas.reduce((sum, { sockets }) => sum + sockets, 0)
    case 'fullest':
      return filled.length === 0 ? null : Math.max(...filled)
    case 'emptiest':
      return filled.length === 0 ? null : Math.min(...filled)
    case 'answers':
      return readings.answersPerSecond === null ? null : Math.round(readings.answersPerSecond)
    case 'p95':
      return readings.p95Ms === null ? null : tenth(readings.p95Ms)
    default:
      return scaler?.[name] ?? null
  }
}

/** A figure with its unit and where it was read; null when these readings do not have it. */
export function measure(name: FigureName, readings: Readings, stage: Pick<Stage, 'sources'>): Measured | null {
  const value = figureOf(name, readings)
  return value === null ? null : { value, unit: figureUnits[name], source: stage.sources[name] }
}

/** Readings in one line, for when a fact is not met. */
export function seenText(readings: Readings): string {
  const each = readings.replicas.map(({ id, state, sockets }) => `${id} ${state === 'ready' ? sockets : `${state} ${sockets}`}`)
  const parts = [`sockets: ${each.join(', ') || 'no replica'}`]
  if (readings.scaler !== null)
    parts.push(`the scaler wants ${readings.scaler.desired ?? 'nothing yet'}${readings.scaler.paused ? ', paused' : ''}`)
  if (readings.storeUp === false) parts.push('Valkey does not answer')
  return parts.join('; ')
}
