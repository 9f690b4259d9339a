import { describe, expect, test } from 'vitest'
import type { DemoEvent } from '../core/events.ts'
import { numberFaults, readChecks, stillFaults } from './numbers.ts'

const said = (value: number, at = 10_000): DemoEvent => ({
  ...{ kind: 'say', at, seconds: 1, text: `${value} sockets.` },
  numbers: { sockets: { value, unit: 'sockets', source: 'metric' } },
})
const read = (value: number, at: number) => ({ at, source: 'the replicas', values: { sockets: value } })

describe('a number that is said', () => {
  test.each([
    ['as its source has it', [said(500)], [read(500, 10_100)], []],
    ['off by one', [said(501)], [read(500, 10_100)], []],
    ['off by two', [said(502)], [read(500, 10_100)], ['the replicas said 500 to 500: sockets 502 in: 502 sockets.']],
    ['between two readings of a climb', [said(300)], [read(200, 9_500), read(400, 10_500)], []],
    ['above a climb', [said(402)], [read(200, 9_500), read(400, 10_500)], [expect.stringMatching(/said 200 to 400: sockets 402/)]],
    ['read too late', [said(500)], [read(500, 12_000)], [expect.stringMatching(/^nobody read the source about then/)]],
    ['without any reading', [said(500)], [], ['the source of the numbers was never read']],
    ['of another kind than its source has', [said(500)], [{ ...read(1, 10_000), values: { replicas: 1 } }], []],
  ])('%s', (_what, events, readings, expected) => {
    expect(numberFaults(events, readings)).toEqual(expected)
  })
})

test('a log of readings is read, and refused where it is none', () => {
  expect(readChecks(`${JSON.stringify(read(1, 2))}\n\n`)).toEqual([read(1, 2)])
  expect(() => readChecks('{"at":1}\n')).toThrow('readings, line 1')
})

describe('the caption of a still', () => {
  const still = (value: number) => ({ name: 'scaled-in' as const, at: 10_700, said: said(value) as Extract<DemoEvent, { kind: 'say' }> })
  test.each([
    ['says what is in the picture', [still(121)], [read(121, 10_500), read(121, 10_900)], []],
    [
      'was so when it was said, and is no more',
      [still(121)],
      [read(121, 10_100), read(60, 10_500), read(40, 10_900)],
      ['still scaled-in: sockets was 40 to 60, but its caption says: 121 sockets.'],
    ],
    ['is not there', [{ ...still(1), said: undefined }], [read(60, 10_500)], []],
    ['has numbers of another kind', [still(1)], [{ ...read(1, 10_500), values: { replicas: 2 } }], []],
  ])('%s', (_what, stills, readings, expected) => {
    expect(stillFaults(stills, readings)).toEqual(expected)
  })
})
