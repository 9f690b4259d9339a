import { expect, test } from 'vitest'
import { loadOf } from '../replay/load.ts'
import { type Run, recordedRun, replay } from '../replay/replay.ts'
import { replayHtml } from './replay-html.ts'
import { replayJson, replayTable } from './replay-table.ts'
import { simulated } from './sample-records.ts'

function runs(): Run[] {
  const records = simulated('surge')
  const load = loadOf(records)
  const recorded = recordedRun('recorded', records, load)
  if (recorded === null) throw new Error('no record')
  return [recorded, replay('more <&"> room', { ...recorded.hpa, minReplicas: 4, maxReplicas: 20 }, load)]
}

test('the table matches its snapshot', async () => {
  await expect(replayTable(runs())).toMatchFileSnapshot('golden/replay.txt')
})

test('the JSON document has the figures and the curve of each run', () => {
  const data = JSON.parse(replayJson(runs(), 10))
  expect(data.timeScale).toBe(10)
  expect(data.runs.map(({ title }: Run) => title)).toEqual(['recorded', 'more <&"> room'])
  expect(data.runs[1].points).toEqual(runs()[1]?.points)
  expect(data.runs[0].figures.changes).toBe(9)
})

test('the plot matches its snapshot', async () => {
  await expect(replayHtml(runs(), { notes: ['compressed time'] })).toMatchFileSnapshot('golden/replay.html')
})

test('the plot loads no external files, and escapes names', () => {
  const html = replayHtml(runs(), { notes: [] })
  expect(html).not.toMatch(/https?:|<script|<link|@import|url\(|src=/)
  expect(html).toContain('more &lt;&amp;&quot;&gt; room')
  expect(html).not.toContain('<&">')
  expect(html.match(/<path class="line /g)).toHaveLength(2)
  expect(html).not.toMatch(/undefined|NaN/)
})
