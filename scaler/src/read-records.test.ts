import { failure, success } from '@lab/contract/result.ts'
import { expect, test } from 'vitest'
import { parseRecords } from './read-records.ts'
import { linesOf } from './sim/records.ts'
import { samples } from './views/sample-records.ts'

const records = Object.values(samples).flat()

test('records are parsed as they were written', () => {
  expect(parseRecords(linesOf(records), 'log')).toEqual(success(JSON.parse(JSON.stringify(records))))
})

test('an incomplete last line and empty lines are skipped', () => {
  const [first, second] = records
  if (first === undefined || second === undefined) throw new Error('no records')
  const text = `${linesOf([first])}\n${JSON.stringify(second).slice(0, 100)}`
  expect(parseRecords(text, 'log')).toMatchObject({ ok: true, value: { length: 1 } })
})

test.each([
  ['{', /^log:2: not JSON: /],
  ['{}', /^log:2: not a record of the decision log: time: /],
  [
    JSON.stringify({ ...records[0], observation: { timeSeconds: 'x' } }),
    /^log:2: not a record of the decision log: observation\.timeSeconds: /,
  ],
  ['[]', /^log:2: not a record of the decision log: line: /],
])('%s is refused with its line number', (line, message) => {
  expect(parseRecords(`${linesOf(records.slice(0, 1))}${line}\n`, 'log')).toEqual(failure(expect.stringMatching(message)))
})
