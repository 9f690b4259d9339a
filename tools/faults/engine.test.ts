/** Tests the fault engine on a fake lab that records the steps; tests/chaos/01-chaos.test.ts runs the faults on a real lab. */
import type { Checked, CheckOf } from '@lab/lab/lab.ts'
import { describe, expect, test } from 'vitest'
import { begin, prepare, type RunOptions, runFault } from './engine.ts'
import { fakeLab } from './fake-lab.ts'
import type { FaultPlan } from './fault.ts'

const options = (more: Partial<RunOptions> = {}): RunOptions => ({
  check: false,
  say: () => undefined,
  stop: new AbortController().signal,
  ...more,
})

/** A plan with two steps, two undo steps and two expectations. */
const plan: FaultPlan<'compose'> = {
  fault: 'test',
  does: 'something',
  seconds: 0.2,
  begin: [
    { kind: 'docker', args: ['one'] },
    { kind: 'docker', args: ['two'] },
  ],
  undo: [
    { kind: 'docker', args: ['undo-one'] },
    { kind: 'docker', args: ['undo-two'] },
  ],
  expect: [
    { phase: 'during', what: 'it shows', check: { kind: 'entry' }, withinSeconds: 1 },
    { phase: 'after', what: 'it is over', check: { kind: 'entry' }, withinSeconds: 1 },
  ],
  evidence: [],
  notes: [],
  byHand: [],
}
const everything = ['one', 'two', 'undo-one', 'undo-two']

describe('a run', () => {
  test('is begun, lasts, and is undone', async () => {
    const { lab, taken, recorded } = fakeLab()
    const startedAtMs = performance.now()
    expect(await runFault(lab, plan, options())).toEqual({ findings: [], leftovers: [], interrupted: false })
    expect(performance.now() - startedAtMs).toBeGreaterThan(190)
    expect(taken).toEqual(everything)
    expect(recorded).toEqual(['test begun', 'test undone'])
  })

  test('that begins only half-way is undone', async () => {
    const { lab, taken } = fakeLab({ fails: ['two'] })
    await expect(runFault(lab, plan, options())).rejects.toThrow('test could not begin: two fails')
    expect(taken).toEqual(everything)
  })

  test('tries every undo step, and reports those that failed', async () => {
    const { lab, taken } = fakeLab({ fails: ['undo-one'] })
    expect((await runFault(lab, plan, options())).leftovers).toEqual(['undo-one fails'])
    expect(taken).toEqual(everything)
  })

  test('that is interrupted is undone at once', async () => {
    const { lab, taken } = fakeLab()
    const stop = new AbortController()
    const running = runFault(lab, { ...plan, seconds: 600 }, options({ stop: stop.signal, check: true }))
    setTimeout(() => stop.abort(), 50)
    expect(await running).toMatchObject({ interrupted: true, leftovers: [] })
    expect(taken).toEqual(everything)
  })

  test('that was interrupted before it began does nothing', async () => {
    const { lab, taken } = fakeLab()
    expect(await runFault(lab, plan, options({ stop: AbortSignal.abort() }))).toMatchObject({ interrupted: true })
    expect(taken).toEqual([])
  })

  test('reports which expectations were met', async () => {
    let checks = 0
    const { lab } = fakeLab({ check: () => ({ holds: checks++ < 1, seen: 'seen' }) })
    const { findings } = await runFault(lab, plan, options({ check: true }))
    expect(findings.map(({ phase, asExpected }) => [phase, asExpected])).toEqual([
      ['during', true],
      ['after', false],
    ])
  })

  test('does not begin if an alert that it should trigger is already firing', async () => {
    const { lab, taken } = fakeLab({ check: () => ({ holds: false, seen: 'seen' }) })
    const check: CheckOf<'compose'> = { kind: 'alert', labels: { alertname: 'ReplicaDown' }, firing: false }
    const waits = { ...plan, expect: [{ phase: 'after', what: 'the alert has ended', check, withinSeconds: 1 } as const] }
    await expect(runFault(lab, waits, options({ check: true }))).rejects.toThrow('ReplicaDown is already firing')
    expect(taken).toEqual([])
  })

  test('continues if something cannot be checked', async () => {
    const check = (): Checked => {
      throw new Error('no answer')
    }
    const { findings } = await runFault(fakeLab({ check }).lab, plan, options({ check: true }))
    expect(findings.map(({ detail }) => detail)).toEqual(['not within 1 s: no answer', 'not within 1 s: no answer'])
  })
})

describe('a begun fault', () => {
  const given = { replica: 'ws-2', seconds: 30 }

  test('is undone once; a second undo retries only failed steps', async () => {
    const fails = ['stop -t 40 lab-ws-2']
    const { lab, taken } = fakeLab({ fails })
    const begun = await begin(lab, 'drain', given)
    expect(begun.plan.fault).toBe('drain')
    expect(await begun.undo()).toEqual(['stop -t 40 lab-ws-2 fails'])
    fails.pop()
    expect(await begun.undo()).toEqual([])
    expect(await begun.undo()).toEqual([])
    const undone = ['stop -t 40 lab-ws-2', 'start lab-ws-2']
    expect(taken).toEqual(['kill --signal TERM lab-ws-2', ...undone, 'stop -t 40 lab-ws-2'])
  })

  test('is undone if it cannot begin, and its error contains what the undo reported', async () => {
    const { lab, taken } = fakeLab({ fails: ['pause lab-ws-2', 'unpause lab-ws-2'] })
    const message = 'pause could not begin: pause lab-ws-2 fails; undoing the fault reported: unpause lab-ws-2 fails'
    await expect(begin(lab, 'pause', given)).rejects.toThrow(message)
    expect(taken).toEqual(['pause lab-ws-2', 'unpause lab-ws-2'])
  })

  test('is refused with one line if the lab does not support it', async () => {
    const { lab, taken } = fakeLab({ replicas: 1 })
    await expect(prepare(lab, 'kill', given)).rejects.toThrow(/^kill: healthy replicas: 1; allowed are 2 or more/)
    expect(taken).toEqual([])
  })
})
