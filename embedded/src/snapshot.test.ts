import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { readHpa } from '../../scaler/src/spec/read.ts'
import { parseExposition } from './exposition.ts'
import { noLoad } from './load-messages.ts'
import { Readings, readingOf } from './readings.ts'
import type { ReplicaProcess } from './replicas.ts'
import { snapshotOf } from './snapshot.ts'

const text = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: ws}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: ws}
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - type: Pods
      pods: {metric: {name: ${metrics.connectionsActive.name}}, target: {type: AverageValue, averageValue: "120"}}
`
const read = readHpa(text, 'hpa.yaml', { HPAScaleToZero: false, HPAConfigurableTolerance: true })
if ('problems' in read) throw new Error(JSON.stringify(read.problems))
const { hpa } = read

function replica(number: number, given: Partial<ReplicaProcess>, ...scrapes: string[]): ReplicaProcess {
  const readings = new Readings()
  for (const [second, scrape] of scrapes.entries()) readings.add(readingOf(parseExposition(scrape), second))
  const fixed = { id: `ws-${number}`, number, pid: 1, port: 1, internalPort: 2, startedAtSeconds: 0, readySinceSeconds: 0 }
  return { ...fixed, ready: true, leaving: false, readings, ...given }
}

const scrape = (connections: number, received: number, cpu: number) => `${metrics.connectionsActive.name} ${connections}
${metrics.messages.name}{direction="received"} ${received}
process_cpu_seconds_total ${cpu}
process_resident_memory_bytes ${50 * 2 ** 20}
`
const load = { ...noLoad, wanted: 5, open: 4, moves: 7, afresh: 8, lost: 9 }
const lab = {
  ...{ replicas: [], starting: [], record: null, hpa, paused: false, timeScale: 5 },
  ...{ load, openThroughRouter: 4, events: [], shared: true },
}

test('a card says how a replica is, and how busy', () => {
  const replicas = [
    replica(1, {}, scrape(10, 0, 1), scrape(12, 40, 1.5)),
    replica(2, { leaving: true }, scrape(3, 0, 0)),
    replica(3, { ready: false }),
    replica(4, {}, `${metrics.replicaState.name}{state="draining"} 1\n${metrics.drainSocketsLeft.name} 6`),
  ]
  const { replicas: cards, scaler } = snapshotOf({ ...lab, replicas, starting: ['ws-5'] })
  expect(cards.map(({ id, state }) => `${id} ${state}`)).toEqual([
    ...['ws-1 ready', 'ws-2 draining', 'ws-3 silent', 'ws-4 draining', 'ws-5 starting'],
  ])
  expect(cards[0]).toMatchObject({
    connections: 12,
    messagesPerSecond: 40,
    cpuPercent: 50,
    memoryMiB: 50,
    metricsUrl: 'http://127.0.0.1:2/metrics',
  })
  expect(cards[1]).toMatchObject({ connections: 3, messagesPerSecond: null, cpuPercent: null })
  expect(cards[3]).toMatchObject({ drainLeft: 6 })
  // Who leaves does not count, as in a cluster.
  expect(scaler).toMatchObject({
    current: 3,
    desired: null,
    min: 2,
    max: 10,
    targetConnections: 120,
    words: 'Waiting for the first decision.',
  })
})

test('what only a shared store can know is not made up without one', () => {
  expect(snapshotOf(lab).load).toMatchObject({ moves: 7, afresh: 8, lost: 9 })
  expect(snapshotOf({ ...lab, shared: false }).load).toMatchObject({ open: 4, moves: null, afresh: 8, lost: null })
})

test('says when a replica does not reach its store', () => {
  const down = `${metrics.dependencyUp.name}{dependency="rooms"} 0`
  expect(snapshotOf({ ...lab, replicas: [replica(1, {}), replica(2, {}, scrape(1, 1, 1))] }).storeUp).toBe(true)
  expect(snapshotOf({ ...lab, replicas: [replica(1, {}), replica(2, {}, down)] }).storeUp).toBe(false)
})

test('a HPA without a target for connections shows none', () => {
  expect(snapshotOf({ ...lab, hpa: { ...hpa, metrics: [] } }).scaler.targetConnections).toBeNull()
})
