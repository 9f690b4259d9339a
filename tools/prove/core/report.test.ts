import { ClientLedger } from '@lab/ledger/ledger.ts'
import { judge } from '@lab/ledger/verdict.ts'
import { expect, test } from 'vitest'
import { markdown, mostPerSecond, type Report, timesOf } from './report.ts'

const none = timesOf([])

/** A run in which one message was sent and was lost. */
function lossyRun(): Report {
  const ledger = new ClientLedger()
  ledger.join(7, 'tea', 0)
  ledger.answer(ledger.send(7, 'tea'), 'stored', 5)
  const verdict = judge({ ledger, log: undefined, faults: [], required: ['kill'], wire: [] })
  return {
    verdict,
    options: {
      on: 'compose',
      page: undefined,
      sockets: 1,
      rooms: 1,
      minutes: 1,
      drains: undefined,
      rate: 1,
      faults: ['kill'],
      seed: 3,
      replicas: 3,
      up: false,
      valkey: undefined,
      entry: undefined,
      reports: 'reports',
      report: false,
      prices: 'prices.yaml',
    },
    startedAt: '2026-01-01T00:00:00Z',
    seconds: 60,
    planned: 2,
    figures: {
      reconnectAfterKillMs: timesOf([30, 10, 20]),
      drainMs: none,
      awayDuringDrainMs: none,
      crossReplicaMs: none,
      crossReplicaUnderFaultsMs: none,
      storedMs: none,
      mostReturnsPerSecond: 0,
      clients: { sent: 1 },
    },
    faults: [{ atSeconds: 1.25, kind: 'kill', replica: 'ws-1', happened: false, detail: 'no such\ncontainer' }],
  }
}

test('times are percentiles of the values, and NaN without values', () => {
  expect(timesOf([30, 10, 20])).toEqual({ count: 3, p50: 20, p90: 30, p95: 30, p99: 30, max: 30 })
  expect(none).toEqual({ count: 0, p50: Number.NaN, p90: Number.NaN, p95: Number.NaN, p99: Number.NaN, max: Number.NaN })
})

test('the maximum per second is that of any second, not of a second of the clock', () => {
  expect(mostPerSecond([2100, 900, 1000, 1899, 1900])).toBe(3)
  expect(mostPerSecond([5, 5, 5])).toBe(3)
  expect(mostPerSecond([])).toBe(0)
})

test('the page begins with the result, and lists every case and every fault', () => {
  const page = markdown(lossyRun())
  expect(page).toMatch(/^# FAIL\n/)
  for (const part of [
    '1 sockets in 1 rooms, 1 messages per second for 60 s, seed 3',
    '- message 1 of member 7 to tea (seq 5) never reached member 7',
    '- kill: never injected',
    '| reconnected after a crash | 20.0 | 30.0 | 30.0 | 3 |',
    '| SIGTERM to the exit of the replica |  |  |  | 0 |',
    '1 of 2 planned faults',
    '| 1.3 s | kill | ws-1 | **did not happen:** no such container |',
  ]) {
    expect(page).toContain(part)
  }
})
