/** Runs the tables with inputs and results of single functions of the controller. The time of all calls is 0. */
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { ScaleChange } from '../core/decision.ts'
import { groupPods } from '../core/group-pods.ts'
import { limit, limitWithBehavior } from '../core/limit.ts'
import { changeWithin, rememberChange } from '../core/scale-changes.ts'
import { stabilize, stabilizeWithBehavior } from '../core/stabilize.ts'
import type { Behavior } from '../core/types.ts'
import { hpaOf, podOf } from './adapt.ts'
import { podSchema, rulesSchema } from './cases.ts'

const int = z.int()
const recommendations = z.array(z.object({ t: int, replicas: int }))
const changes = z.array(z.object({ t: int, change: int, outdated: z.boolean().optional() }))
const bounds = { currentReplicas: int, desiredReplicas: int, minReplicas: int, maxReplicas: int }
const limited = z.object({ replicas: int, reason: z.string() })

function table<Input extends z.ZodType, Expected extends z.ZodType>(input: Input, expected: Expected) {
  return z.object({ rows: z.array(z.object({ name: z.string(), input, expected })) })
}

export const tablesSchema = z.object({
  tables: z.object({
    convertDesiredReplicasWithRules: table(z.object(bounds), limited),
    convertDesiredReplicasWithBehaviorRate: table(
      z.object({
        ...bounds,
        scaleUp: rulesSchema.nullish(),
        scaleDown: rulesSchema.nullish(),
        scaleUpEvents: changes.nullish(),
        scaleDownEvents: changes.nullish(),
      }),
      limited,
    ),
    stabilizeRecommendation: table(
      z.object({ windowSeconds: int, recommendations: recommendations.nullish(), desiredReplicas: int }),
      z.object({ replicas: int, remembered: int }),
    ),
    stabilizeRecommendationWithBehaviors: table(
      z.object({
        currentReplicas: int,
        desiredReplicas: int,
        scaleUpWindowSeconds: int,
        scaleDownWindowSeconds: int,
        recommendations: recommendations.nullish(),
      }),
      z.object({ replicas: int, remembered: z.array(int).nullish() }),
    ),
    storeScaleEvent: table(
      z.object({ change: int, rules: rulesSchema.nullish(), events: changes.nullish() }),
      z.object({ changeInLast60Seconds: int, eventsAfter: changes }),
    ),
    groupPods: table(
      z.object({
        resource: z.string(),
        cpuInitializationPeriodSeconds: int,
        initialReadinessDelaySeconds: int,
        pods: z.array(podSchema),
        metrics: z.record(z.string(), z.object({ valueMilli: int, time: int, window: int })),
      }),
      z.object({ readyCount: int, unready: z.array(z.string()), missing: z.array(z.string()), ignored: z.array(z.string()) }),
    ),
  }),
})

type Tables = z.infer<typeof tablesSchema>['tables']
type TableName = keyof Tables
type Input<Name extends TableName> = Tables[Name]['rows'][number]['input']
type Expected<Name extends TableName> = Tables[Name]['rows'][number]['expected']

/** Returns the result of the engine in the format of the table. `expected` tells which fields the row asserts. */
const functions: { readonly [Name in TableName]: (input: Input<Name>, expected: Expected<Name>) => unknown } = {
  convertDesiredReplicasWithRules: (input) => {
    const { bounded, reason } = limit(input)
    return { replicas: bounded, reason }
  },
  convertDesiredReplicasWithBehaviorRate: (input) => {
    const { scaleUp, scaleDown } = behaviorOf(input.scaleUp, input.scaleDown)
    const { bounded, reason } = limitWithBehavior({
      minReplicas: input.minReplicas,
      maxReplicas: input.maxReplicas,
      currentReplicas: input.currentReplicas,
      desiredReplicas: input.desiredReplicas,
      scaleUpBehavior: scaleUp,
      scaleDownBehavior: scaleDown,
      scaleUps: changesOf(input.scaleUpEvents),
      scaleDowns: changesOf(input.scaleDownEvents),
      nowSeconds: 0,
    })
    return { replicas: bounded, reason }
  },
  stabilizeRecommendation: (input) => {
    const { desiredReplicas, windowSeconds } = input
    const recommendations = recommendationsOf(input.recommendations)
    const result = stabilize({ recommendations, desiredReplicas, windowSeconds, nowSeconds: 0 })
    return { replicas: result.replicas, remembered: result.recommendations.length }
  },
  stabilizeRecommendationWithBehaviors: (input, expected) => {
    const result = stabilizeWithBehavior({ ...input, recommendations: recommendationsOf(input.recommendations), nowSeconds: 0 })
    const counts = result.recommendations.map(({ replicas }) => replicas)
    return { replicas: result.replicas, ...('remembered' in expected && { remembered: expected.remembered && counts }) }
  },
  storeScaleEvent: ({ change, rules, events }) => {
    const before = changesOf(events)
    const after = rules == null ? before : rememberChange(before, { timeSeconds: 0, change }, behaviorOf(rules, null).scaleUp)
    // The tables have 0 for all times, so times are not compared.
    return {
      changeInLast60Seconds: changeWithin(before, { nowSeconds: 0, periodSeconds: 60 }),
      eventsAfter: after.map((entry) => ({ t: 0, change: entry.change, ...(entry.outdated && { outdated: true }) })),
    }
  },
  groupPods: ({ resource, pods, metrics, ...timing }) => {
    const entries = Object.entries(metrics).map(([pod, { valueMilli, time, window }]) => {
      return [pod, { milli: BigInt(valueMilli), timeSeconds: time, windowSeconds: window }] as const
    })
    const listed = pods.map((pod) => podOf(pod, []))
    return groupPods(listed, new Map(entries), 0, resource === 'cpu' ? timing : null)
  },
}

export interface TableReport {
  readonly table: string
  readonly total: number
  readonly failed: readonly { readonly row: string; readonly want: unknown; readonly got: unknown }[]
}

export function checkTables(tables: Tables): TableReport[] {
  return [
    checkTable(tables, 'convertDesiredReplicasWithRules'),
    checkTable(tables, 'convertDesiredReplicasWithBehaviorRate'),
    checkTable(tables, 'stabilizeRecommendation'),
    checkTable(tables, 'stabilizeRecommendationWithBehaviors'),
    checkTable(tables, 'storeScaleEvent'),
    checkTable(tables, 'groupPods'),
  ]
}

function checkTable<Name extends TableName>(tables: { readonly [N in Name]: { rows: TableRow<N>[] } }, name: Name): TableReport {
  const { rows } = tables[name]
  const failed = rows.flatMap(({ name: row, input, expected }) => {
    const got = functions[name](input, expected)
    return isDeepStrictEqual(got, expected) ? [] : [{ row, want: expected, got }]
  })
  return { table: name, total: rows.length, failed }
}

interface TableRow<Name extends TableName> {
  name: string
  input: Input<Name>
  expected: Expected<Name>
}

type Rules = z.infer<typeof rulesSchema> | null | undefined

/** Converts rules to a `behavior`. Rules without policies get the default policies. */
function behaviorOf(scaleUp: Rules, scaleDown: Rules): Behavior {
  const filled = (rules: Rules): Rules => rules && { ...rules, policies: rules.policies?.length ? rules.policies : null }
  const { behavior } = hpaOf({ behavior: { scaleUp: filled(scaleUp), scaleDown: filled(scaleDown) } })
  if (behavior === undefined) throw new Error('the converted specification has no behavior')
  return behavior
}

function recommendationsOf(given: z.infer<typeof recommendations> | null | undefined) {
  return (given ?? []).map(({ t, replicas }) => ({ timeSeconds: t, replicas }))
}

function changesOf(given: z.infer<typeof changes> | null | undefined): ScaleChange[] {
  return (given ?? []).map(({ t, change, outdated = false }) => ({ timeSeconds: t, change, outdated }))
}
