import { describe, expect, test } from 'vitest'
import type { DemoEvent } from '../core/events.ts'
import { numberFaults, readChecks, stillFaults } from './numbers.ts'

const said = (value: number, at = 10_000): DemoEvent => ({
  kind: 'say',
  at,
  seconds: 1,
  text: `${value} sockets.`,
  numbers: { sockets: { value, unit: 'sockets', source: 'metric' } },
})
const read = (value: number, at: number) => ({ at, source: 'the replicas', values: { sockets: value } })

describe('a number in a caption', () => {
  test.each([
    ['equals its source', [said(500)], [read(500, 10_100)], []],
    ['differs by one', [said(501)], [read(500, 10_100)], []],
    ['differs by two', [said(502)], [read(500, 10_100)], ['the replicas reported 500 to 500: sockets 502 in: 502 sockets.']],
    ['is between two readings of an increase', [said(300)], [read(200, 9_500), read(400, 10_500)], []],
    [
      'is above both readings of an increase',
      [said(402)],
      [read(200, 9_500), read(400, 10_500)],
      [expect.stringMatching(/reported 200 to 400: sockets 402/)],
    ],
    ['is read too late', [said(500)], [read(500, 12_000)], [expect.stringMatching(/^the source was not read at that moment/)]],
    ['has no reading at all', [said(500)], [], ['the source of the numbers was never read']],
    ['is not in the source', [said(500)], [{ ...read(1, 10_000), values: { replicas: 1 } }], []],
  ])('%s', (_what, events, readings, expected) => {
    expect(numberFaults(events, readings)).toEqual(expected)
  })
})

test('a log of readings is parsed, and an invalid line is rejected', () => {
  expect(readChecks(`${JSON.stringify(read(1, 2))}\n\n`)).toEqual([read(1, 2)])
  expect(() => readChecks('{"at":1}\n')).toThrow('readings, line 1')
})

describe('the caption of a still', () => {
  const still = (value: number) => ({ name: 'scaled-in' as const, at: 10_700, said: said(value) as Extract<DemoEvent, { kind: 'say' }> })
  test.each([
    ['matches the picture', [still(121)], [read(121, 10_500), read(121, 10_900)], []],
    [
      'was correct earlier, but not when the picture was taken',
      [still(121)],
      [read(121, 10_100), read(60, 10_500), read(40, 10_900)],
      ['still scaled-in: sockets was 40 to 60, but its caption is: 121 sockets.'],
    ],
    ['does not exist', [{ ...still(1), said: undefined }], [read(60, 10_500)], []],
    ['has numbers that are not in the source', [still(1)], [{ ...read(1, 10_500), values: { replicas: 2 } }], []],
  ])('%s', (_what, stills, readings, expected) => {
    expect(stillFaults(stills, readings)).toEqual(expected)
  })
})
