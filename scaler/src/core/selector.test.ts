import { expect, test } from 'vitest'
import { selectorProblem } from './selector.ts'
import type { LabelSelector } from './types.ts'

const expression = (key: string, operator: string, values?: string[]): LabelSelector => ({
  matchExpressions: [{ key, operator, ...(values && { values }) }],
})

test.each([
  undefined,
  {},
  { matchLabels: { 'example.com/a': '' } },
  expression('a', 'In', ['x', '']),
  expression('a', 'NotIn', ['x']),
  expression('a', 'Exists'),
  expression('a', 'DoesNotExist', []),
])('%j is valid', (selector) => {
  expect(selectorProblem(selector)).toBeNull()
})

test.each<[LabelSelector, string]>([
  [expression('a', 'Foo', ['x']), '"Foo" is not a valid label selector operator'],
  [expression('a', 'In'), "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty"],
  [expression('a', 'Exists', ['x']), 'values: Invalid value: ["x"]: values set must be empty for exists and does not exist'],
  [{ matchLabels: { 'a b': 'x' } }, 'key: Invalid value: "a b": name part must consist of'],
  [{ matchLabels: { a: 'x y' } }, 'values[0][a]: Invalid value: "x y": a valid label must be an empty string or consist of'],
  [expression('', 'In', ['/']), '[key: Invalid value: "": name part must be non-empty; name part must consist of'],
])('%j is invalid', (selector, begins) => {
  expect(selectorProblem(selector)?.slice(0, begins.length)).toBe(begins)
})
