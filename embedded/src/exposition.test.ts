import { expect, test } from 'vitest'
import { parseExposition, sumOf } from './exposition.ts'

const text = `# HELP a_total What a counts. a_total 9
# TYPE a_total counter
a_total{kind="x",way="in"} 3
a_total{kind="y",way="in"} 4.5 1700000000000
a_total{kind="say \\"{no}\\", and go",way="out"} 1e3
up 1
bucket{le="+Inf"} +Inf
`

test('reads names, labels that contain quotes and braces, and values with and without a timestamp', () => {
  expect(parseExposition(text)).toEqual([
    { name: 'a_total', labels: { kind: 'x', way: 'in' }, value: 3 },
    { name: 'a_total', labels: { kind: 'y', way: 'in' }, value: 4.5 },
    { name: 'a_total', labels: { kind: 'say \\"{no}\\", and go', way: 'out' }, value: 1000 },
    { name: 'up', labels: {}, value: 1 },
    { name: 'bucket', labels: { le: '+Inf' }, value: Number.POSITIVE_INFINITY },
  ])
  expect(parseExposition('')).toEqual([])
})

test('sums over matching series, and distinguishes no series from zero', () => {
  const samples = parseExposition(text)
  expect([sumOf(samples, 'a_total'), sumOf(samples, 'a_total', { way: 'in' }), sumOf(samples, 'a_total', { way: 'up' })]).toEqual([
    1007.5,
    7.5,
    undefined,
  ])
})
