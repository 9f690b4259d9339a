/** Compares the controller's syncs with the decisions of the lab's engine for the same observations. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { decide, recordRescale } from '@lab/scaler/core/decide.ts'
import {
  type Condition,
  type Decision,
  emptyMemory,
  type HpaEvent,
  type MetricCurrent,
  memoryAfterRestart,
} from '@lab/scaler/core/decision.ts'
import { milliOf, parseQuantity } from '@lab/scaler/core/quantities.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from '@lab/scaler/core/types.ts'
import type { ControllerStatus, Sync } from './audit.ts'

export const levels = ['count', 'desired', 'metrics', 'conditions', 'events'] as const
export type Level = (typeof levels)[number]

/** What a level compares, for the headings of the report. */
export const levelText: Readonly<Record<Level, string>> = {
  count: 'the count that was written to the scale target',
  desired: 'status.desiredReplicas',
  metrics:
    'status.currentMetrics: the average utilization, average value and value of each metric, unless the sync did not read the metrics',
  conditions: 'type, status and reason of each condition, and the time of its last change',
  events: 'type and reason of each event, in order, and the message of SuccessfulRescale',
}

/** What was played before a sync, and the sync. */
export interface PlayedSync {
  readonly observation: Observation
  readonly hpa: HorizontalPodAutoscaler
  readonly restart: boolean
  readonly sync: Sync
}

export interface ComparedMoment {
  readonly sync: Sync
  readonly decision: Decision
  /** The levels that were compared: all, except for `events` after the controller's limit, and `metrics` if the sync did not read them. */
  readonly compared: readonly Level[]
  /** The levels on which the controller and the engine differ, with the results of both. */
  readonly differences: readonly { readonly level: Level; readonly controller: string; readonly engine: string }[]
}

/**
 * Number of events about one object that a controller sends before it limits the rate to one event per five minutes. Events beyond
 * this number are not compared.
 */
export const eventBurst = 25

/** Lets the scaler's engine decide at the times of the controller's syncs, with the same observations, and compares both decisions. */
export function compareMoments(played: readonly PlayedSync[], options: ControllerOptions): ComparedMoment[] {
  let memory = emptyMemory
  let sent = 0
  return played.map(({ observation, hpa, restart, sync }) => {
    if (restart) {
      memory = memoryAfterRestart(memory)
      sent = 0
    }
    const step = decide(hpa, options, { ...observation, timeSeconds: sync.atSeconds }, memory)
    const { decision, memory: after } = recordRescale(hpa, options, step, { ok: true })
    memory = after
    sent += decision.events.length
    const views: Readonly<Record<Level, readonly [unknown, unknown]>> = {
      count: [sync.scaleTo, decision.scaleTo],
      desired: [sync.status.desiredReplicas ?? 0, decision.desiredReplicas],
      metrics: [controllerMetrics(sync.status), decision.metrics.map(({ reasoning }) => reasoning && valuesText(reasoning.current))],
      conditions: [controllerConditions(sync.status, decision.conditions), decision.conditions.map(conditionText).sort()],
      events: [sync.events.map(eventText), decision.events.map(eventText)],
    }
    const isCompared: Partial<Record<Level, boolean>> = {
      events: sent <= eventBurst,
      metrics: decision.path === 'Metrics' || decision.path === 'MetricsFailed',
    }
    const compared = levels.filter((level) => isCompared[level] ?? true)
    const differences = compared.flatMap((level) => {
      const [controller, engine] = views[level]
      if (isDeepStrictEqual(controller, engine)) return []
      return [{ level, controller: JSON.stringify(controller), engine: JSON.stringify(engine) }]
    })
    return { sync, decision, compared, differences }
  })
}

function eventText({ type, reason, message }: HpaEvent): string {
  return reason === 'SuccessfulRescale' ? `${type} ${reason} ${message}` : `${type} ${reason}`
}

function valuesText({ averageUtilization, averageValueMilli, valueMilli }: MetricCurrent): string {
  return JSON.stringify({ averageUtilization, averageValueMilli, valueMilli })
}

/** Returns the values of each metric, or null for a metric that could not be read. */
function controllerMetrics({ currentMetrics }: ControllerStatus): (string | null)[] {
  const milli = (text: string) => {
    const quantity = parseQuantity(text)
    return quantity === null ? Number.NaN : milliOf(quantity)
  }
  return (currentMetrics ?? []).map((entry) => {
    const current = Object.values(entry).find((field) => typeof field === 'object')?.current
    if (current === undefined) return null
    const { averageUtilization, averageValue, value } = current
    return valuesText({
      ...(averageUtilization !== undefined && { averageUtilization }),
      ...(averageValue !== undefined && { averageValueMilli: milli(averageValue) }),
      ...(value !== undefined && { valueMilli: milli(value) }),
    })
  })
}

function conditionText({ type, status, reason, sinceSeconds }: Pick<Condition, 'type' | 'status' | 'reason' | 'sinceSeconds'>): string {
  return `${type} ${status} ${reason} ${new Date(Math.floor(sinceSeconds) * 1000).toISOString()}`
}

/** The API truncates times to seconds, and the controller sets them a few milliseconds after its sync has begun. */
const toleratedSeconds = 1

/** Returns the controller's conditions, each with the engine's time if the two times are equal within the tolerance. */
function controllerConditions({ conditions = [] }: ControllerStatus, engine: readonly Condition[]): string[] {
  return conditions
    .map(({ lastTransitionTime, ...condition }) => {
      const since = Date.parse(lastTransitionTime) / 1000
      const same = engine.find(({ type }) => type === condition.type)
      const isClose = same !== undefined && Math.abs(Math.floor(same.sinceSeconds) - since) <= toleratedSeconds
      return conditionText({ ...condition, sinceSeconds: isClose ? same.sinceSeconds : since })
    })
    .sort()
}
