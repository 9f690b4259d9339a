/** Tests the plan of every fault, which must be complete and bounded, and must use only existing names. */
import { metrics } from '@lab/contract/metrics.ts'
import { type CheckOf, type LabKind, labKinds } from '@lab/lab/lab.ts'
import { describe, expect, test } from 'vitest'
import { type FaultName, faults, faultsOn, planFaultNames, planFaults, singleFaultNames } from '../catalogue/index.ts'
import type { FaultPlan } from '../fault.ts'
import { planOf } from './plan.ts'
import { sampleFacts } from './sample-facts.ts'

/** Each fault that can run alone, on each kind of lab that supports it, with its default duration. */
const cases = labKinds.flatMap((kind) =>
  faultsOn(kind).map((name) => ({ name: name as FaultName, kind, seconds: faults[name].on[kind]?.seconds ?? Number.NaN })),
)

function plan(name: FaultName, kind: LabKind, seconds: number): FaultPlan {
  const planned = planOf(name, kind, sampleFacts(seconds)[kind])
  if (!planned.ok) throw new Error(planned.problems.join())
  return planned.value
}

describe.each(cases)('$name on a lab of kind $kind', ({ name, kind, seconds }) => {
  const made = plan(name, kind, seconds)

  test('has an undo, and bounded expectations during and after the fault', () => {
    expect(made.begin.length).toBeGreaterThan(0)
    expect(made.undo.length).toBeGreaterThan(0)
    expect(made.byHand).toHaveLength(made.undo.length)
    for (const phase of ['during', 'after']) {
      const bounded = made.expect.filter((expectation) => expectation.phase === phase && expectation.withinSeconds !== undefined)
      expect(bounded.length, phase).toBeGreaterThan(0)
    }
    expect(made.expect.filter(({ phase, withinSeconds }) => phase === 'after' && withinSeconds === undefined)).toEqual([])
  })

  test('lasts long enough for all of its expectations', () => {
    expect(made.notes.filter((note) => note.includes('too short'))).toEqual([])
  })

  test('queries only metrics that exist', () => {
    const known = Object.values(metrics).map((metric) => metric.name)
    for (const { check } of made.expect) {
      if (check.kind !== 'query') continue
      const names = [...check.promql.matchAll(/websocket_\w+/g)].map(([found]) => found.replace(/_(bucket|sum|count)$/, ''))
      expect(names.filter((one) => !(known as string[]).includes(one))).toEqual([])
    }
  })
})

describe('a plan', () => {
  test('is refused for a fault of the scaler if the lab runs without one', () => {
    const { compose } = sampleFacts(60)
    expect(planOf('scaler-kill', 'compose', { ...compose, hasScaler: false })).toEqual({
      ok: false,
      problems: ['scaler-kill: this lab runs without its scaler; allowed is a lab that has one: ./lab up --k8s-sim'],
    })
    const away = planOf('docker-api-down', 'compose', { ...compose, hasScaler: false })
    expect(away.ok && away.value.begin).toEqual([{ kind: 'docker', args: ['stop', 'lab-socket-proxy-1'] }])
  })

  test('omits expectations that need a longer fault, and notes that', () => {
    const short = plan('pause', 'compose', 20)
    expect(short.expect.filter(({ check }) => check.kind === 'alert')).toEqual([])
    expect(short.notes.join()).toMatch(/not checked, because it takes up to 55 s and the fault lasts only 20 s: the alert ReplicaDown/)
  })

  test('includes the evidence of a fault of any duration', () => {
    const evidence = plan('drain', 'compose', 0).evidence.map(({ check }) => check)
    expect(evidence).toEqual([{ kind: 'container', container: 'lab-ws-2', status: 'exited', exitCode: 0 }] satisfies CheckOf<'compose'>[])
  })

  test('names its target, and how to undo it by hand', () => {
    expect(plan('pause', 'compose', 60).byHand).toEqual(['docker unpause lab-ws-2'])
    expect(plan('partition', 'compose', 60).byHand).toEqual(['docker network connect --alias ws lab_stores lab-ws-2'])
    expect(plan('traefik-reload', 'compose', 60).byHand).toEqual(['rm traefik/dynamic/fault-reload.yaml'])
  })

  test('of a drain waits for the exit, because a running container cannot be started', () => {
    expect(plan('drain', 'compose', 60).byHand).toEqual(['docker stop -t 40 lab-ws-2', 'docker start lab-ws-2'])
  })

  test('is refused if the lab does not support the fault', () => {
    const { compose, embedded } = sampleFacts(30)
    expect(planOf('valkey-down', 'embedded', embedded)).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('kill, pause, drain')],
    })
    expect(planOf('kill', 'compose', { ...compose, replicas: 1 })).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('allowed are 2 or more')],
    })
  })

  test('of code in a replica ends by itself after the given time', () => {
    for (const name of ['memory', 'busy'] as const) {
      const [step] = plan(name, 'compose', 90).begin
      expect(step?.kind === 'evaluate' && step.code).toContain('90000')
    }
  })
})

describe('the catalogue', () => {
  test('uses each fault somewhere', () => {
    const used = new Set<FaultName>([...singleFaultNames, ...planFaultNames])
    expect([...used].sort()).toEqual(Object.keys(faults).sort())
  })

  test('allows connections to end only if a fault hits a replica', () => {
    for (const name of planFaultNames) {
      const { hitsReplica, inPlan } = planFaults[name]
      expect(inPlan.mayEnd.length > 0, name).toBe(hitsReplica || inPlan.addsReplica === true || inPlan.hitsEvery === true)
    }
  })

  test('has evidence for each fault of a plan', () => {
    for (const kind of labKinds)
      for (const name of faultsOn(kind, planFaultNames)) {
        const { begin, evidence } = plan(name, kind, 10)
        expect(evidence.length > 0 || begin.every((step) => step.kind === 'reset'), name).toBe(true)
      }
  })

  test('has drains, crashes, hangs, scaling and resets on both kinds of lab', () => {
    const names = faultsOn('embedded', planFaultNames)
    expect(names).toEqual(expect.arrayContaining(['kill', 'pause', 'drain', 'scale', 'reset-dialled', 'reset-mid-frame']))
    expect(names).not.toContain('valkey-restart')
  })
})
