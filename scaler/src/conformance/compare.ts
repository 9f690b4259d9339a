/** Compares an answer with the expected answer on five levels. */
import { isDeepStrictEqual } from 'node:util'
import type { Answer, Scenario } from './cases.ts'
import type { ScenarioAnswer } from './replay.ts'

export const levels = ['scale', 'why', 'metrics', 'conditions', 'events'] as const
export type Level = (typeof levels)[number]

/** Returns the part of an answer that a level compares, in an order that does not depend on the implementation. */
const views: Readonly<Record<Level, (answer: Answer) => unknown>> = {
  scale: ({ scaleTo, desiredReplicas }) => [scaleTo, desiredReplicas],
  why: ({ metricRecommendation, stabilizedRecommendation }) => [metricRecommendation, stabilizedRecommendation],
  metrics: ({ metrics }) => metrics.map((m) => [m.proposal, m.averageUtilization, m.averageValueMilli, m.valueMilli, m.reason]),
  conditions: ({ conditions }) => conditions.map(({ type, status, reason, since }) => `${type} ${status} ${reason} ${since}`).sort(),
  events: ({ events }) => events.map(({ type, reason, message }) => [type, reason, reason === 'SuccessfulRescale' ? message : '']),
}

export interface Difference {
  readonly level: Level
  readonly t: number
  readonly want: unknown
  readonly got: unknown
}

/** Returns the first difference of each level, or an empty list if the case passes. Steps without `expected` are not compared. */
export function differences(scenario: Scenario, answer: ScenarioAnswer): Difference[] {
  return levels.flatMap((level) => {
    for (const [i, { t, expected }] of scenario.steps.entries()) {
      const actual = answer.steps[i]?.actual
      if (expected == null) continue
      const want = views[level](expected)
      const got = actual && views[level](actual)
      if (!isDeepStrictEqual(want, got)) return [{ level, t, want, got }]
    }
    return []
  })
}

/** Returns the assertions of Kubernetes' own unit test that the last step violates. */
export function upstreamDifferences({ upstream }: Scenario, answer: ScenarioAnswer): string[] {
  const actual = answer.steps.at(-1)?.actual
  if (upstream == null) return []
  if (actual === undefined) return ['no step']
  const { error, conditions = [], desiredReplicas, ...numbers } = upstream
  const metric = actual.metrics[0]
  const wrong: string[] = []
  if (error !== undefined && metric?.proposal !== null) wrong.push(`expected a failure, got the proposal ${metric?.proposal}`)
  for (const [key, want] of Object.entries(error === undefined ? numbers : {})) {
    const got = metric && Reflect.get(metric, key)
    if (got !== want) wrong.push(`${key}: want ${want}, got ${got}`)
  }
  if (desiredReplicas !== undefined && actual.desiredReplicas !== desiredReplicas) {
    wrong.push(`desiredReplicas: want ${desiredReplicas}, got ${actual.desiredReplicas}`)
  }
  for (const { type, status, reason } of conditions) {
    const found = actual.conditions.some((c) => c.type === type && c.status === status && c.reason === reason)
    if (!found) wrong.push(`condition ${type} ${status} ${reason} is missing`)
  }
  return wrong
}
