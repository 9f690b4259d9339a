/** What is said beforehand: complete, bounded, and of names that exist. */
import { describe, expect, test } from 'vitest'
import { metrics } from '../../contract/src/metrics.ts'
import { readRules, ruleFiles } from '../../tests/repo/lib/expressions.ts'
import { type FaultName, faultNames, faults } from './faults.ts'
import { planOf } from './plan.ts'
import { allowedSeconds, readSeconds } from './seconds.ts'
import { listText, planText } from './text.ts'
import type { Ground, Plan, Scene } from './types.ts'

const scene = (ground: Ground, seconds: number, more: Partial<Scene> = {}): Scene => ({
  ...{ ground, seconds, project: 'lab', replica: 'ws-2', address: '172.18.0.5', replicas: 3, memoryMiB: 100, startedAtSeconds: 1 },
  ...more,
})

/** Each fault where it can be done, lasting as long as it does without --for. */
const cases = faultNames.flatMap((name) =>
  Object.entries(faults[name].seconds as Partial<Record<Ground, number>>).map(([ground, seconds]) => ({
    name,
    ground: ground as Ground,
    seconds,
  })),
)

function plan(name: FaultName, given: Scene): Plan {
  const planned = planOf(name, given)
  if (!planned.ok) throw new Error(planned.problem)
  return planned.plan
}

const alerts = new Map(
  ruleFiles
    .flatMap(readRules)
    .flatMap(({ alert, for: after }) =>
      alert === undefined ? [] : [[alert, after === undefined ? 0 : (readSeconds(after) ?? Number.NaN)] as const],
    ),
)

describe.each(cases)('$name on $ground', ({ name, ground, seconds }) => {
  const made = plan(name, scene(ground, seconds))

  test('says what happens and how it is over, each with a bound', () => {
    expect(made.begin.length).toBeGreaterThan(0)
    expect(made.undo.length).toBeGreaterThan(0)
    expect(made.byHand).toHaveLength(made.undo.length)
    for (const phase of ['during', 'after']) {
      const bounded = made.statements.filter((statement) => statement.phase === phase && statement.withinSeconds !== undefined)
      expect(bounded.length, phase).toBeGreaterThan(0)
    }
    expect(made.statements.filter(({ phase, withinSeconds }) => phase === 'after' && withinSeconds === undefined)).toEqual([])
  })

  test('lasts long enough for all of it', () => {
    expect(made.notes.filter((note) => note.includes('too short'))).toEqual([])
    expect(seconds).toBeGreaterThanOrEqual(allowedSeconds.min)
    expect(seconds).toBeLessThanOrEqual(allowedSeconds.max)
  })

  test('speaks of alerts that exist, and gives them the time of their rule', () => {
    for (const { look, phase, withinSeconds } of made.statements) {
      if (look.kind !== 'alert') continue
      const after = alerts.get(look.labels.alertname ?? '')
      expect(after, look.labels.alertname).toBeDefined()
      if (phase === 'during' && withinSeconds !== undefined) expect(withinSeconds).toBeGreaterThan(after ?? 0)
    }
  })

  test('asks for metrics that exist', () => {
    const known = Object.values(metrics).map((metric) => metric.name)
    for (const { look } of made.statements) {
      if (look.kind !== 'query') continue
      const names = [...look.promql.matchAll(/websocket_\w+/g)].map(([found]) => found.replace(/_(bucket|sum|count)$/, ''))
      expect(names.filter((one) => !(known as string[]).includes(one))).toEqual([])
    }
  })

  test('is printed with every statement and the way back', () => {
    const text = planText(made)
    for (const line of [...made.statements.map(({ what }) => what), ...made.byHand]) expect(text).toContain(line)
    expect(listText()).toContain(name)
  })
})

describe('a plan', () => {
  test('leaves out what a short fault cannot show, and says so', () => {
    const short = plan('pause', scene('compose', 20))
    expect(short.statements.filter(({ look }) => look.kind === 'alert')).toEqual([])
    expect(short.notes.join()).toMatch(/20 s are too short for this, which takes up to 55 s: the alert ReplicaDown/)
  })

  test('names what it hits, and how to take it back by hand', () => {
    expect(plan('pause', scene('compose', 60)).byHand).toEqual(['docker unpause lab-ws-2'])
    expect(plan('partition', scene('compose', 60)).byHand).toEqual(['docker network connect --alias ws lab_stores lab-ws-2'])
  })

  test('of a drain ends with waiting for its end: what has not ended cannot be started again', () => {
    expect(plan('drain', scene('compose', 60)).byHand).toEqual(['docker stop -t 40 lab-ws-2', 'docker start lab-ws-2'])
  })

  test('is refused where it cannot be done', () => {
    expect(planOf('valkey-down', scene('embedded', 30))).toMatchObject({
      ok: false,
      problem: expect.stringContaining('kill, pause, drain'),
    })
    expect(planOf('kill', scene('compose', 30, { replicas: 1 }))).toMatchObject({
      ok: false,
      problem: expect.stringContaining('at least 2'),
    })
  })

  test('ends in the replica itself after the time it was given', () => {
    for (const name of ['memory', 'busy'] as const) {
      const [step] = plan(name, scene('compose', 90)).begin
      expect(step?.kind === 'evaluate' && step.code).toContain('90000')
    }
  })
})

test.each([
  ['30s', 30],
  ['2m', 120],
  ['45', 45],
  ['4s', undefined],
  ['11m', undefined],
  ['1h', undefined],
  ['-5s', undefined],
  ['', undefined],
  ['1.5m', undefined],
])('a duration of %j is %j', (text, seconds) => expect(readSeconds(text)).toBe(seconds))
