import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { leaseFile } from './adapters/lease-file.ts'
import { wallClock } from './adapters/system-clock.ts'
import { DecisionLog, decisionLogPath, readDecisionLog, readLastRecord, readRecordsAfter, setPaused, stateFiles } from './decision-log.ts'
import { writeIntent } from './intent-file.ts'
import type { TickRecord } from './record.ts'
import { writeRolloutScale } from './rollout-file.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'decisions-'))
  path = decisionLogPath(folder)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const record = (second: number): TickRecord =>
  ({
    time: new Date(second * 1000).toISOString(),
    hpa: { namespace: 'default', name: 'ws' },
    timeScale: 1,
    observation: { timeSeconds: second },
    decision: { timeSeconds: second },
    memory: { status: {} },
  }) as TickRecord

const seconds = async () => (await readDecisionLog(path)).map(({ observation }) => observation.timeSeconds)

test('returns the written records in order, and an empty list without a log', async () => {
  expect(await seconds()).toEqual([])
  const log = new DecisionLog(path)
  for (const second of [1, 2, 3]) await log.append(record(second))
  expect(await seconds()).toEqual([1, 2, 3])
})

test('an incomplete line after a crash loses only the record of that line', async () => {
  const log = new DecisionLog(path)
  await log.append(record(1))
  await appendFile(path, JSON.stringify(record(2)).slice(0, 40))
  expect(await seconds()).toEqual([1])
  await new DecisionLog(path).append(record(3))
  expect(await seconds()).toEqual([1, 3])
})

test('lines that are not records are skipped', async () => {
  await appendFile(decisionLogPath(folder), '{"time":1}\nnull\n\n')
  await new DecisionLog(path).append(record(1))
  expect(await seconds()).toEqual([1])
})

test('never exceeds twice its maximum size, and retains the newest records', async () => {
  const maxBytes = 1000
  const log = new DecisionLog(path, maxBytes)
  for (let second = 1; second <= 50; second += 1) await log.append(record(second))
  const files = await readdir(folder)
  expect(files.sort()).toEqual(['decisions.1.jsonl', 'decisions.jsonl'])
  for (const file of files) expect((await stat(join(folder, file))).size).toBeLessThanOrEqual(maxBytes)
  const retained = await seconds()
  expect(retained.at(-1)).toBe(50)
  expect(retained).toEqual(Array.from({ length: retained.length }, (_, i) => 51 - retained.length + i))
  expect((await readFile(path, 'utf8')).endsWith('\n')).toBe(true)
})

test('finds the newest record from the end of the log, also before an incomplete line and in the previous file', async () => {
  expect(await readLastRecord(path)).toBeUndefined()
  const log = new DecisionLog(path, 400)
  for (const second of [1, 2, 3]) await log.append(record(second))
  await appendFile(path, '{"torn')
  expect((await readLastRecord(path))?.observation.timeSeconds).toBe(3)
  await writeFile(path, '{"torn')
  expect((await readLastRecord(path))?.observation.timeSeconds).toBe((await seconds()).at(-1))
  await rm(path)
  expect((await readLastRecord(path))?.observation.timeSeconds).toBeGreaterThan(0)
})

test('returns the records after a given time from both files', async () => {
  const after = async (second: number) =>
    (await readRecordsAfter(path, record(second).time)).map(({ observation }) => observation.timeSeconds)
  expect(await after(0)).toEqual([])
  const log = new DecisionLog(path, 400)
  for (const second of [1, 2, 3]) await log.append(record(second))
  expect(await readdir(folder)).toHaveLength(2)
  expect([await after(0), await after(1), await after(3)]).toEqual([[1, 2, 3], [2, 3], []])
})

test('stateFiles() lists the logs, pauses, intents, the lease and the file of a rollout, and no other file', async () => {
  const log = new DecisionLog(path, 1)
  for (const second of [1, 2]) await log.append(record(second))
  await setPaused(folder, true)
  await setPaused(folder, true, 'ws')
  await writeRolloutScale(folder, { from: 1, to: 2, replicas: 3 })
  await writeIntent(folder, 'ws', record(3))
  await leaseFile(folder, wallClock).take()
  await leaseFile(folder, wallClock).standBy(true)
  const written = await readdir(folder)
  expect(written).toHaveLength(8)
  await writeFile(join(folder, 'notes.txt'), '')
  expect((await stateFiles(folder)).map((file) => basename(file)).sort()).toEqual(written.sort())
})

test('appends of several autoscalers at the same time do not mix, also when the file is full', async () => {
  const log = new DecisionLog(path, 2000)
  await Promise.all(Array.from({ length: 50 }, (_, i) => log.append(record(i))))
  const remaining = await seconds()
  expect(remaining.at(-1)).toBe(49)
  expect(remaining).toEqual(Array.from({ length: remaining.length }, (_, i) => 50 - remaining.length + i))
  const newest = await readLastRecord(path, ({ observation }) => observation.timeSeconds < 49)
  expect(newest?.observation.timeSeconds).toBe(48)
})
