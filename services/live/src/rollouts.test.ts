/** Tests how the live page and Prometheus show the rollout record. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { newEvents, type RolloutRecord, readFaults, readRollouts, rolloutMetrics, rolloutWords } from './rollouts.ts'

const event = (second: number, reason: string) => ({
  time: `2026-01-01T00:00:0${second}.000Z`,
  type: 'Normal' as const,
  reason,
  message: `message ${second}`,
})
const rollout = { from: 1, target: 2, rollingBack: false }
const record: RolloutRecord = { events: [event(1, 'RolloutStarted'), event(2, 'RolledBack'), event(3, 'RolloutStarted')], rollout }

test('a file is read with what others have written beside that; without a file there was no rollout', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rollouts-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  expect(await readRollouts(folder)).toBeUndefined()
  writeFileSync(join(folder, 'record.json'), JSON.stringify({ ...record, revisions: [], rollout: { ...rollout, replicas: 3 } }))
  expect(await readRollouts(folder)).toEqual(record)
  writeFileSync(join(folder, 'record.json'), '{}')
  await expect(readRollouts(folder)).rejects.toThrow()
})

test('a rollout is said to be under way until it has ended', () => {
  expect(rolloutWords(undefined)).toBeNull()
  expect(rolloutWords(record)).toMatch(/^A rollout from revision 1 to 2 is under way: /)
  expect(rolloutWords({ ...record, rollout: { ...rollout, rollingBack: true } })).toMatch(/^A rollback /)
  expect(rolloutWords({ ...record, rollout: { ...rollout, ended: 'complete' } })).toBeNull()
})

test('an event is news once', () => {
  const [first] = record.events
  const before = { ...record, events: first === undefined ? [] : [first] }
  expect(newEvents(before, record).map(({ reason }) => reason)).toEqual(['RolledBack', 'RolloutStarted'])
  expect(newEvents(record, record)).toEqual([])
})

test('Prometheus gets the last time of each reason', async () => {
  let now: RolloutRecord | undefined
  const metrics = rolloutMetrics(
    () => now,
    () => [],
  )
  expect(await metrics.metrics()).not.toMatch(/^lab_rollout/m)
  now = record
  const lines = (await metrics.metrics()).split('\n').filter((line) => line.startsWith('lab_rollout'))
  const seconds = (second: number) => Date.parse(event(second, '').time) / 1000
  expect(lines).toEqual([
    `lab_rollout_event_timestamp_seconds{reason="RolloutStarted"} ${seconds(3)}`,
    `lab_rollout_event_timestamp_seconds{reason="RolledBack"} ${seconds(2)}`,
  ])
})

test('Prometheus gets the last begin and the last end of each fault', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'faults-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  expect(await readFaults(folder)).toEqual([])
  const at = (second: number, phase: string) => ({ time: event(second, '').time, fault: 'kill', phase })
  writeFileSync(join(folder, 'record.json'), JSON.stringify({ events: [at(1, 'begun'), at(2, 'undone'), at(3, 'begun')] }))
  const faults = await readFaults(folder)
  const metrics = rolloutMetrics(
    () => undefined,
    () => faults,
  )
  const lines = (await metrics.metrics()).split('\n').filter((line) => line.startsWith('lab_fault'))
  const seconds = (second: number) => Date.parse(event(second, '').time) / 1000
  expect(lines).toEqual([
    `lab_fault_event_timestamp_seconds{fault="kill",phase="begun"} ${seconds(3)}`,
    `lab_fault_event_timestamp_seconds{fault="kill",phase="undone"} ${seconds(2)}`,
  ])
})
