import { expect, test } from 'vitest'
import { lineChart } from './charts.ts'

const chart = (seconds: number, more: object = {}) =>
  lineChart({ id: 'c', title: 'Load', text: 'text', lines: [], seconds, marks: [], ...more })

test.each([
  [600, '600 s'],
  [601, '10 min'],
  [36_000, '600 min'],
  [86_400, '20 h'],
])('a time axis of %i seconds ends with %s', (seconds, label) => {
  const labels = [...chart(seconds).matchAll(/middle">([^<]*)</g)].map(([, text]) => text)
  expect(labels.at(-1)).toBe(label)
  expect(labels.length).toBeLessThan(11)
})

test('six lines have six different classes, and the seventh has the class of the first', () => {
  const lines = Array.from({ length: 7 }, (_, i) => ({ name: `<${i}>`, steps: true, points: [[0, i]] }))
  const html = chart(60, { lines })
  const classes = [...html.matchAll(/<path class="line (\w)"/g)].map(([, name]) => name)
  expect(new Set(classes).size).toBe(6)
  expect(classes[6]).toBe(classes[0])
  expect(html).toContain('&lt;6&gt;. ')
})

test('an area is drawn in steps and closed at the axis, and affects the scale', () => {
  const points = [
    [0, 2],
    [60, 10],
  ]
  const html = chart(60, { area: { name: 'needed', points } })
  expect(html).toContain('<path class="area" d="M64 248H64V203.2H932V24H932V248Z"/>')
  expect(html).not.toContain('aria-hidden')
})
