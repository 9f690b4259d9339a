import { faults, faultsOn, singleFaultNames } from '@lab/faults/catalogue/index.ts'
import { planOf } from '@lab/faults/core/plan.ts'
import { sampleFacts } from '@lab/faults/core/sample-facts.ts'
import { labKinds } from '@lab/lab/lab.ts'
import { expect, test } from 'vitest'
import { listText, planText, resultText } from './text.ts'

test('the list has every fault, with its duration on each kind of lab that supports it', () => {
  const lines = listText().split('\n').slice(1)
  expect(lines.map((line) => line.split(' ')[0])).toEqual(singleFaultNames)
  expect(lines.find((line) => line.startsWith('valkey-down'))).toMatch(/^valkey-down +45 s +- +- +Valkey is stopped$/)
})

test.each(labKinds.flatMap((kind) => faultsOn(kind).map((name) => [kind, name] as const)))(
  'on a lab of kind %s, the plan of %s has every expectation and the undo',
  (kind, name) => {
    const planned = planOf(name, kind, sampleFacts(faults[name].on[kind]?.seconds ?? 0)[kind])
    if (!planned.ok) throw new Error(planned.problems.join())
    const text = planText(planned.value)
    for (const line of [...planned.value.expect.map(({ what }) => what), ...planned.value.byHand]) expect(text).toContain(line)
  },
)

test('the result names the expectations that were not met', () => {
  const met = { phase: 'during', what: 'it shows', asExpected: true, afterSeconds: 1, detail: 'after 1 s' } as const
  expect(resultText([met])).toBe('Expectations met: 1 of 1.')
  expect(resultText([met, { ...met, what: 'it ends', asExpected: false, detail: 'not within 5 s: seen' }])).toBe(
    'Expectations not met: 1 of 2.\n  it ends: not within 5 s: seen',
  )
})
