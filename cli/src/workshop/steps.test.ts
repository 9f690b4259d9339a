/** The checks: a step that is solved passes, one that is not fails, and each thing missing is said with what would do it. */
import { describe, expect, test } from 'vitest'
import type { Facts } from './facts.ts'
import { almost, nothing, solved } from './sample-facts.ts'
import { resultOf, type Step, steps } from './steps.ts'
import { listText, resultText } from './verdict.ts'

function stepOf(number: number): Step {
  const found = steps.find((step) => step.number === number)
  if (found === undefined) throw new Error(`no step ${number}`)
  return found
}

test('twelve steps, numbered, in 90 minutes', () => {
  expect(steps.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  expect(steps.reduce((sum, { minutes }) => sum + minutes, 0)).toBeLessThanOrEqual(90)
  expect(listText(steps)).toMatch(/^all +90$/m)
})

describe.each(steps)('step $number, $title', (step) => {
  test('passes when solved, without a command left', () => {
    const { done, criteria } = resultOf(step, { ...nothing, ...solved[step.number] })
    expect(criteria.filter((one) => !one.done || one.command !== undefined)).toEqual([])
    expect(done).toBe(true)
  })

  test('fails where nothing was done, and says what would do it', () => {
    const { done, criteria } = resultOf(step, nothing)
    expect(done).toBe(false)
    for (const { command } of criteria.filter((one) => !one.done)) expect(command).toMatch(/npx|npm|workshop\//)
    expect(criteria.length).toBeGreaterThan(1)
  })

  test('is not solved by what solves the others', () => {
    for (const other of steps.filter(({ number }) => number < step.number)) {
      expect(resultOf(step, { ...nothing, ...solved[other.number] }).done, `solved by step ${other.number}`).toBe(false)
    }
  })
})

describe('all but one thing', () => {
  test.each(almost)('of step %i, what misses it (%j) is told apart', (number, missing, change) => {
    const { done, criteria } = resultOf(stepOf(number), { ...nothing, ...solved[number], ...change })
    expect(
      criteria.flatMap((one, i) => (one.done ? [] : [i])),
      JSON.stringify(criteria, null, 2),
    ).toEqual(missing)
    expect(done).toBe(false)
  })

  test('is tried with every step', () => {
    expect([...new Set(almost.map(([number]) => number))]).toEqual(steps.map(({ number }) => number))
  })
})

test("step 6 knows the learner's settings again, in whichever order the log has its fields, and tells others", () => {
  const seen = (change: Partial<Facts>) => resultOf(stepOf(6), { ...nothing, ...solved[6], ...change }).criteria[0]?.seen
  const log = (solved[6]?.log ?? []).map((record) => ({
    ...record,
    hpa: Object.fromEntries(Object.entries(record.hpa).reverse()) as unknown as typeof record.hpa,
  }))
  expect(seen({ log })).toBe('policies now: 1 Pods in 15 s')
  expect(seen({ log: solved[4]?.log ?? [] })).toContain('other settings than workshop/my/hpa.yaml')
})

test('the text says what is done, what is missing, and what would do it', () => {
  const text = resultText(resultOf(stepOf(1), { ...nothing, ...solved[1], answers: { socketsOpened: 1 } }))
  expect(text).toBe(`Step 1, First socket

done     the lab runs with two replicas or more: 2 are ready
done     a socket was opened: 1 within the hour
missing  a message was answered: 0 within the hour
         do: npx lab load 1 --duration 10s

2 of 3 done.
`)
})
