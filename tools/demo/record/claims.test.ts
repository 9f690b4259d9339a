import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimsOf } from './claims.ts'

const of = (value: number, source = 'x') => ({ value, unit: '', source })

describe('claims', () => {
  test.each([
    [
      '500 sockets on 5 replicas.',
      { sockets: of(500), replicas: of(5) },
      [
        ['500', 'sockets'],
        ['5', 'replicas'],
      ],
    ],
    [
      '1,000 sockets, p95 3.2 ms.',
      { sockets: of(1000), p95: of(3.21) },
      [
        ['1,000', 'sockets'],
        ['3.2', 'p95'],
      ],
    ],
    ['ws-2 is killed; 1012 would be a close code.', {}, [['1012', null]]],
    [
      'Two replicas; 2 are enough.',
      { replicas: of(2) },
      [
        ['Two', 'replicas'],
        ['2', 'replicas'],
      ],
    ],
    [
      'From 2 to 2.',
      { before: of(2), after: of(2) },
      [
        ['2', 'before'],
        ['2', 'after'],
      ],
    ],
    ['There are 7 replicas.', { sockets: of(8) }, [['7', null]]],
    ['A tenth: 0.10.', { part: of(0.1) }, [['0.10', 'part']]],
    ['Nothing often needs someone.', {}, []],
    ['Wait (12 s).', { took: of(11.6) }, [['12', 'took']]],
  ])('%s', (text, numbers, expected) => {
    expect(claimsOf(text, numbers).map((claim) => [claim.text, claim.name])).toEqual(expected)
  })

  test('a number in a text is found with its measurement, whatever characters surround it', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.constantFrom('', '.', ',', ' s', ')', ' %'), (value, after) => {
        const [claim, ...others] = claimsOf(`There are (${value}${after} now`, { it: of(value, 'metric') })
        expect(others).toEqual([])
        expect(claim).toEqual({ text: String(value), value, name: 'it', measured: of(value, 'metric') })
      }),
    )
  })
})
