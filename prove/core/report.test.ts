import { expect, test } from 'vitest'
import { ClientLedger } from './ledger.ts'
import { markdown, type Report, timesOf } from './report.ts'
import { judge } from './verdict.ts'

const none = timesOf([])

/** A run in which one message was sent, and lost. */
function lossyRun(): Report {
  const ledger = new ClientLedger()
  ledger.join(7, 'tea', 0)
  ledger.answer(ledger.send(7, 'tea'), 'stored', 5)
  const verdict = judge({ ledger, log: undefined, faults: [], required: ['kill'], wire: [] })
  return {
    verdict,
    options: {
      ...{ sockets: 1, rooms: 1, minutes: 1, drains: undefined, rate: 1, faults: ['kill'], seed: 3, replicas: 3 },
      ...{ up: false, entry: undefined, reports: 'reports', report: false, prices: 'prices.yaml' },
    },
    startedAt: '2026-01-01T00:00:00Z',
    seconds: 60,
    planned: 2,
    figures: {
      ...{
        reconnectAfterKillMs: timesOf([30, 10, 20]),
        drainMs: none,
        awayDuringDrainMs: none,
        crossReplicaMs: none,
        crossReplicaUnderFaultsMs: none,
        storedMs: none,
      },
      clients: { sent: 1 },
    },
    faults: [{ atSeconds: 1.25, kind: 'kill', replica: 'ws-1', happened: false, detail: 'no such\ncontainer' }],
  }
}

test('times are those of the sorted list, and of nothing there are none', () => {
  expect(timesOf([30, 10, 20])).toEqual({ count: 3, p50: 20, p90: 30, p95: 30, p99: 30, max: 30 })
  expect(none).toEqual({ count: 0, p50: Number.NaN, p90: Number.NaN, p95: Number.NaN, p99: Number.NaN, max: Number.NaN })
})

test('the page begins with the verdict, and names every case and every fault', () => {
  const page = markdown(lossyRun())
  expect(page).toMatch(/^# FAIL\n/)
  for (const part of [
    '1 sockets in 1 rooms, 1 messages per second for 60 s, seed 3',
    '- message 1 of member 7 to tea (seq 5) never reached member 7',
    '- kill: never tried',
    '| back elsewhere after a crash | 20.0 | 30.0 | 30.0 | 3 |',
    '| SIGTERM to the end of the replica |  |  |  | 0 |',
    '1 of 2 that were planned',
    '| 1.3 s | kill | ws-1 | **did not happen:** no such container |',
  ]) {
    expect(page).toContain(part)
  }
})
