import { success } from '@lab/contract/result.ts'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { defaultFeatureGates } from '../core/types.ts'
import { readHpa } from '../manifest/read.ts'
import type { TickRecord } from '../record.ts'
import { describeText } from './describe.ts'
import { explainJson, explainText } from './explain.ts'
import { getName, getTable, WatchRows } from './get.ts'
import { getJson, getYaml } from './object.ts'
import { samples } from './sample-records.ts'
import type { View } from './view.ts'
import { viewOf, viewsOf } from './view.ts'

/** Returns the time at which the records are viewed, which is shortly after the last sync. */
const lookedAtMs = (records: readonly TickRecord[]): number => Date.parse(records.at(-1)?.time ?? '') + 5000

function seen(records: readonly TickRecord[]): View {
  const view = viewOf(records)
  if (view === null) throw new Error('no record')
  return view
}

function watched(records: readonly TickRecord[]): string {
  const rows = new WatchRows()
  return records.map((_, i) => rows.next(viewsOf(records.slice(0, i + 1)), lookedAtMs(records.slice(0, i + 1)))).join('')
}

const views: Readonly<Record<string, (records: readonly TickRecord[]) => string>> = {
  get: (records) => getTable([seen(records)], lookedAtMs(records)),
  'get -o wide': (records) => getTable([seen(records)], lookedAtMs(records), true),
  'get -w': watched,
  describe: (records) => describeText(seen(records), lookedAtMs(records)),
  explain: (records) => explainText(records.slice(-2)),
}

describe.each(Object.entries(samples))('%s', (name, records) => {
  test('matches its snapshot', async () => {
    const text = Object.entries(views).map(([command, view]) => `$ ${command}\n${view(records)}`)
    await expect(text.join('\n')).toMatchFileSnapshot(`golden/${name}.txt`)
  })

  test('has the same object in JSON and in YAML', async () => {
    const view = seen(records)
    expect(parse(getYaml(view))).toEqual(JSON.parse(getJson(view)))
    await expect(getYaml(view)).toMatchFileSnapshot(`golden/${name}.yaml`)
  })

  test('contains a specification that can be read again', () => {
    const view = seen(records)
    expect(readHpa(getYaml(view), 'printed.yaml', defaultFeatureGates)).toEqual(success(view.hpa))
  })

  test('has the same explanation as text and as JSON', () => {
    const entries = JSON.parse(explainJson(records))
    expect(entries.map(({ decision }: TickRecord) => decision)).toEqual(JSON.parse(JSON.stringify(records.map(({ decision }) => decision))))
  })
})

describe('notes', () => {
  const compressed = samples.compressed ?? []
  const paused = samples.paused ?? []

  test.each(Object.entries({ ...views, json: (records: readonly TickRecord[]) => getJson(seen(records)), data: explainJson }))(
    '%s contains the notes on compressed time and on the pause',
    (_command, view) => {
      expect(view(compressed)).toMatch(/compressed time.*1\/10|"scaler\/time-scale": "10"/)
      expect(view(paused)).toMatch(/paused/)
      expect(view(samples['scaled-up'] ?? [])).not.toMatch(/# |scaler\/|compressed time/)
    },
  )
})

test('the name has the format of kubectl', () => {
  expect(getName(seen(samples.steady ?? []))).toBe('horizontalpodautoscaler.autoscaling/ws\n')
})

test('there is no view without records', () => {
  expect(viewOf([])).toBeNull()
  expect(new WatchRows().next([], 0)).toBe('')
})

test('a time before the log is calculated from the oldest record, with its time scale', () => {
  const records = (samples.compressed ?? []).slice(2)
  const [oldest] = records
  const { wallMs } = seen(records)
  expect(wallMs((oldest?.decision.timeSeconds ?? 0) - 100)).toBe(Date.parse(oldest?.time ?? '') - 10_000)
})

test('a watch prints nothing while only the age changes', () => {
  const records = samples.steady ?? []
  const rows = new WatchRows()
  expect(rows.next(viewsOf(records), lookedAtMs(records))).toMatch(/^NAME .*\nws .*\n$/)
  expect(rows.next(viewsOf(records), lookedAtMs(records) + 60_000)).toBe('')
})
