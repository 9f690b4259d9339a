/** Checks that a completed workshop step passes, that an incomplete step fails, and that each unmet criterion has a command. */
import { parseExposition } from '@lab/embedded/exposition.ts'
import { describe, expect, test } from 'vitest'
import { embeddedAnswers } from './embedded-answers.ts'
import type { Facts } from './facts.ts'
import { listText, resultText } from './results.ts'
import { almost, nothing, solved, surgeLog } from './sample-facts.ts'
import { resultOf, type Step, steps, stepsOn } from './steps.ts'

function stepOf(number: number): Step {
  const found = steps.find((step) => step.number === number)
  if (found === undefined) throw new Error(`no step ${number}`)
  return found
}

test('thirteen steps, numbered, in 98 minutes', () => {
  expect(steps.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
  expect(listText(steps)).toMatch(/^all +98$/m)
})

describe.each(steps)('step $number, $title', (step) => {
  test('passes when it is solved, without any command', () => {
    const { done, criteria } = resultOf(step, { ...nothing, ...solved[step.number] })
    expect(criteria.filter((one) => !one.done || one.command !== undefined)).toEqual([])
    expect(done).toBe(true)
  })

  test('fails when nothing was done, with a command for each criterion', () => {
    const { done, criteria } = resultOf(step, nothing)
    expect(done).toBe(false)
    for (const { command } of criteria.filter((one) => !one.done)) expect(command).toMatch(/\.\/lab|workshop\//)
    expect(criteria.length).toBeGreaterThan(1)
  })

  test('is not solved by the solution of an earlier step', () => {
    for (const other of steps.filter(({ number }) => number < step.number)) {
      expect(resultOf(step, { ...nothing, ...solved[other.number] }).done, `solved by step ${other.number}`).toBe(false)
    }
  })
})

describe('a step with all but one criterion met', () => {
  test.each(almost)('step %i reports the unmet criterion %j', (number, missing, change) => {
    const { done, criteria } = resultOf(stepOf(number), { ...nothing, ...solved[number], ...change })
    expect(
      criteria.flatMap((one, i) => (one.done ? [] : [i])),
      JSON.stringify(criteria, null, 2),
    ).toEqual(missing)
    expect(done).toBe(false)
  })

  test('is tested for every step', () => {
    expect([...new Set(almost.map(([number]) => number))]).toEqual(steps.map(({ number }) => number))
  })
})

describe('on the embedded lab', () => {
  const embedded = { ...nothing, kind: 'embedded', needed: ['valkey'] } as const

  test('nine steps are possible', () => {
    expect(stepsOn('embedded').map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 11, 13])
    expect(stepsOn('compose')).toEqual(steps)
  })

  test.each(stepsOn('embedded'))('the commands of step $number need no Docker', (step) => {
    const commands = resultOf(step, embedded).criteria.flatMap(({ command = [] }) => command)
    expect(commands.length).toBeGreaterThan(1)
    expect(commands.filter((command) => /lab (load|scale|storm|workshop record)\b(?!.* --on embedded)/.test(command))).toEqual([])
    expect(commands.filter((command) => /lab up|docker compose|workshop\/\d/.test(command))).toEqual([])
  })

  test("the answers come from the replicas' metrics and from the decisions before the learner's note", () => {
    const scrape = parseExposition(`websocket_connections_opened_total 7
websocket_messages_received_total{type="message"} 4
websocket_messages_received_total{type="broadcast"} 1
websocket_messages_received_total{type="ping"} 50
http_requests_total{route="/health",status="200"} 2
`)
    const log = surgeLog('scaler/hpa.yaml')
    const at = (index: number) => Date.parse(log.at(index)?.time ?? '')
    const { peakSockets = 0, fullestReplica = 0, ...others } = embeddedAnswers([scrape, scrape, []], log, at(-1))
    expect(others).toEqual({ socketsOpened: 14, messagesUnderstood: 10, replicasAskedForHealth: 2 })
    expect([peakSockets, fullestReplica]).toEqual([350, 188])
    expect(embeddedAnswers([], log, at(0)).peakSockets).toBe(40)
  })
})

test("step 6 recognises the learner's settings regardless of the order of fields, and reports other settings", () => {
  const seen = (change: Partial<Facts>) => resultOf(stepOf(6), { ...nothing, ...solved[6], ...change }).criteria[0]?.seen
  const log = (solved[6]?.log ?? []).map((record) => ({
    ...record,
    hpa: Object.fromEntries(Object.entries(record.hpa).reverse()) as unknown as typeof record.hpa,
  }))
  expect(seen({ log })).toBe('present policies: 1 Pods in 15 s')
  expect(seen({ log: solved[4]?.log ?? [] })).toContain('other settings than workshop/my/hpa.yaml')
})

test('the text lists met and unmet criteria, with commands for the unmet ones', () => {
  const text = resultText(resultOf(stepOf(1), { ...nothing, ...solved[1], answers: { socketsOpened: 1 } }))
  expect(text).toBe(`Step 1, First socket

done     the lab runs with at least two replicas: 2 are ready
done     a socket was opened: 1 within the last hour
missing  a message was answered: 0 within the last hour
         run: ./lab load 1 --duration 10s

2 of 3 criteria are met.
`)
})
