import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { recordFault } from './fault-record.ts'

test('the record has the newest 50 events, oldest first', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'faults-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (let i = 0; i < 52; i++) await recordFault(folder, { time: `t${i}`, fault: 'kill', phase: i % 2 === 0 ? 'begun' : 'undone' })
  const { events } = JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')) as { events: { time: string }[] }
  expect(events).toHaveLength(50)
  expect([events[0], events.at(-1)]).toEqual([
    { time: 't2', fault: 'kill', phase: 'begun' },
    { time: 't51', fault: 'kill', phase: 'undone' },
  ])
})
