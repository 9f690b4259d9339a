/** Test facts for each workshop step: the completed step, and variants in which one criterion is not met. */
import { readFileSync } from 'node:fs'
import { root } from '@lab/host/root.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { simulatedRecords } from '@lab/scaler/sim/records.ts'
import { simulations } from '@lab/scaler/sim/scenarios.ts'
import { outdatedText } from '../doctor/checkout.ts'
import { type Facts, noFacts } from './facts.ts'
import type { LearnerFile } from './learner.ts'
import { recordText } from './record.ts'
import { settingsOf } from './scaling.ts'

const read = (path: string) => readFileSync(`${root}${path}`, 'utf8')
const originalHpa = read('scaler/hpa.yaml')
const nowMs = Date.UTC(2026, 0, 1, 13)

/** Facts of a lab in which no workshop step has been done. */
export const nothing: Facts = noFacts(nowMs, originalHpa)

/**
 * Simulates a surge and returns the decisions that a scaler with the given settings makes.
 * @param sockets number of sockets at the peak of the surge
 */
export function surgeLog(settings: string, sockets = 350): TickRecord[] {
  const { surge } = simulations
  const hpa = settingsOf(read(settings), settings)
  if (surge === undefined || !hpa.ok) throw new Error(`${settings} cannot be simulated`)
  const clientsAt = (second: number) => (second > 60 && second < 240 ? sockets : 40)
  return simulatedRecords({ ...surge, hpa: hpa.value, lab: { ...surge.lab, clientsAt }, durationSeconds: 600 })
}

const original = surgeLog('scaler/hpa.yaml')
const oneByOne = surgeLog('workshop/settings/one-by-one.yaml', 500)
const noWindow = surgeLog('workshop/settings/no-window.yaml')

/** The simulated surge's decisions, but with low CPU usage, because sockets in the lab need almost no CPU time. */
const idle = original.map((record) => ({
  ...record,
  observation: {
    ...record.observation,
    pods: record.observation.pods.map((pod) => ({ ...pod, sample: pod.sample && { ...pod.sample, usageMilli: { ws: { cpu: 20 } } } })),
  },
}))

const files = (texts: Partial<Record<LearnerFile, string>>): Pick<Facts, 'files'> => ({
  files: Object.fromEntries(Object.entries(texts).map(([file, text]) => [file, { text, modifiedMs: nowMs }])),
})
const withoutMetric = (log: readonly TickRecord[], change: (record: TickRecord) => Partial<TickRecord>) =>
  log.map((record) => ({ ...record, ...change(record) }))
const onlyCpu = originalHpa.replace(/ {4}- type: Pods\n[\s\S]*averageValue: "100"\n/, '')
const severalReplicas = 'x-replica: ws-1\nx-replica: ws-2\nx-replica: ws-3\nx-replica: ws-1\n'
const sticky = 'x-replica: ws-2\n'.repeat(4)
const storm = { atMs: nowMs, here: true, naive: { lost: 900, peak: 600 }, jittered: { lost: 900, peak: 60 } }
const ledger = { atMs: nowMs, seconds: 120 }

/** The facts that complete each workshop step, by step number. */
export const solved: Readonly<Record<number, Partial<Facts>>> = {
  1: { services: ['traefik', 'prometheus', 'valkey'], replicas: ['ws-1', 'ws-2'], answers: { socketsOpened: 1, messagesUnderstood: 3 } },
  2: {
    answers: { replicasAskedForHealth: 3 },
    ...files({ 'without-cookie.txt': severalReplicas, 'cookies.txt': '#HttpOnly_localhost lab_replica abc', 'with-cookie.txt': sticky }),
  },
  3: { answers: { peakSockets: 300, fullestReplica: 101 }, ...files({ 'peak.txt': '300\n' }) },
  4: { services: ['scaler'], log: original },
  5: { log: idle, ...files({ 'hpa-cpu.yaml': onlyCpu }) },
  6: { log: oneByOne, ...files({ 'hpa.yaml': read('workshop/settings/one-by-one.yaml') }) },
  7: { log: [...noWindow, ...original] },
  8: { ledger, answers: { ledgerAccepted: 4000, drainGoodbyes: 67, replicasRestarted: 2, replicasDrained: 1 } },
  9: { storm },
  10: { answers: { storeAway: 3, storeAlerted: 1, storeAlertsNow: 0, storeUpNow: 1 } },
  11: files({ 'record.jsonl': recordText(original), 'tuned.yaml': read('workshop/settings/tuned.yaml') }),
  12: {
    answers: { versionsAtOnce: 2, secondsSinceUndo: 90 },
    ...files({ 'plain-up.txt': outdatedText({ replicas: ['ws-1', 'ws-2'], sockets: 150 }) }),
  },
  13: { log: original, ...files({ 'for-the-cluster.yaml': originalHpa, 'deployment.yaml': read('workshop/settings/deployment.yaml') }) },
}

/** Almost completed workshop steps: each step's number, the zero-based indexes of its unmet criteria, and the changed facts. */
export const almost: readonly [step: number, criteria: readonly number[], change: Partial<Facts>][] = [
  [1, [0], { replicas: ['ws-1'] }],
  [1, [0], { services: ['traefik', 'prometheus'] }],
  [1, [1], { answers: { messagesUnderstood: 3 } }],
  [1, [2], { answers: { socketsOpened: 1 } }],
  [2, [0], files({ 'without-cookie.txt': sticky, 'cookies.txt': 'lab_replica', 'with-cookie.txt': sticky })],
  [2, [1], { answers: { replicasAskedForHealth: 1 } }],
  [2, [2], files({ 'without-cookie.txt': severalReplicas, 'cookies.txt': '# Netscape', 'with-cookie.txt': sticky })],
  [2, [3], files({ 'without-cookie.txt': severalReplicas, 'cookies.txt': 'lab_replica', 'with-cookie.txt': severalReplicas })],
  [3, [0], { answers: { peakSockets: 150, fullestReplica: 50 }, ...files({ 'peak.txt': '150' }) }],
  [3, [1], { answers: { peakSockets: 300, fullestReplica: 300 } }],
  [3, [2], files({ 'peak.txt': '250' })],
  [3, [2], files({ 'peak.txt': 'three hundred' })],
  [4, [0], { services: [] }],
  [4, [2], { log: surgeLog('scaler/hpa.yaml', 250) }],
  [4, [3], { log: withoutMetric(original, ({ decision }) => ({ decision: { ...decision, winner: 1 } })) }],
  [5, [0, 2], files({ 'hpa-cpu.yaml': originalHpa })],
  [5, [2], { log: original }],
  [6, [1], { log: oneByOne.slice(0, 6) }],
  [6, [2], { log: withoutMetric(oneByOne, ({ decision }) => ({ decision: { ...decision, boundBy: null } })) }],
  [7, [1], { log: [...noWindow.slice(0, 3), ...original] }],
  [7, [3], { log: [...noWindow, ...original.slice(0, 4)] }],
  // Four variants of workshop step 8: two kills without a drain, one drain without a kill, two drains without a kill, and a delivery error.
  [8, [1], { answers: { ledgerAccepted: 4000, replicasRestarted: 2 } }],
  [8, [2], { answers: { ledgerAccepted: 4000, drainGoodbyes: 67, replicasRestarted: 1, replicasDrained: 1 } }],
  [8, [2], { answers: { ledgerAccepted: 4000, drainGoodbyes: 134, replicasRestarted: 2, replicasDrained: 2 } }],
  [8, [3], { answers: { ledgerAccepted: 4000, drainGoodbyes: 67, replicasRestarted: 2, replicasDrained: 1, ledgerFindings: 1 } }],
  [9, [0, 1, 2], { storm: { ...storm, here: false } }],
  [9, [2], { storm: { ...storm, jittered: { lost: 900, peak: 400 } } }],
  [10, [2], { answers: { storeAway: 3, storeAlerted: 1, storeAlertsNow: 1, storeUpNow: 1 } }],
  [10, [2], { answers: { storeAway: 3, storeAlerted: 1, storeAlertsNow: 0, storeUpNow: 0 } }],
  [11, [1, 2, 3], files({ 'tuned.yaml': read('workshop/settings/tuned.yaml') })],
  [11, [1, 2, 3], files({ 'record.jsonl': 'no record\n', 'tuned.yaml': read('workshop/settings/tuned.yaml') })],
  [11, [1, 2, 3], files({ 'record.jsonl': recordText(original.slice(0, 4)), 'tuned.yaml': read('workshop/settings/tuned.yaml') })],
  [11, [2], files({ 'record.jsonl': recordText(original), 'tuned.yaml': originalHpa })],
  [11, [3], files({ 'record.jsonl': recordText(original), 'tuned.yaml': originalHpa.replace('maxReplicas: 10', 'maxReplicas: 2') })],
  [12, [0], { ...files({ 'plain-up.txt': 'Fine: ./lab up.' }) }],
  [12, [1], { answers: { versionsAtOnce: 1, secondsSinceUndo: 90 } }],
  [12, [2], { answers: { versionsAtOnce: 2 } }],
  [12, [2], { answers: { versionsAtOnce: 2, secondsSinceUndo: 3_700 } }],
  [
    13,
    [0, 1],
    files({
      'for-the-cluster.yaml': originalHpa.replace('minReplicas: 2', 'minReplicas: 20'),
      'deployment.yaml': read('workshop/settings/deployment.yaml'),
    }),
  ],
  [13, [2], { log: withoutMetric(original, ({ decision }) => ({ decision: { ...decision, desiredReplicas: 7 } })) }],
  [
    13,
    [3],
    files({ 'for-the-cluster.yaml': originalHpa, 'deployment.yaml': read('workshop/settings/deployment.yaml').replace('250m', '1') }),
  ],
]
