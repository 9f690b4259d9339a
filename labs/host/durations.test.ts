import { expect, test } from 'vitest'
import { readDuration } from './durations.ts'

test.each([
  ['30s', 30],
  ['2m', 120],
  ['1.5h', 5400],
  ['2d', 172_800],
  ['45', undefined],
  ['0s', undefined],
  ['-5s', undefined],
  ['', undefined],
  ['5 s', undefined],
])('a duration of %j is %j', (text, seconds) => expect(readDuration(text)).toBe(seconds))
