import { metrics } from '@lab/contract/metrics.ts'
import { noLoad } from '@lab/live/load-messages.ts'
import { readHpa } from '@lab/scaler/manifest/read.ts'
import { expect, test } from 'vitest'
import { parseExposition } from './exposition.ts'
import { ReplicaScrapes, scrapeOf } from './replica-scrapes.ts'
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
if (!read.ok) throw new Error(read.problems.join('\n'))
const hpa = read.value

function replica(number: number, given: Partial<ReplicaProcess>, ...pages: string[]): ReplicaProcess {
  const scrapes = new ReplicaScrapes()
  for (const [second, scrape] of pages.entries()) scrapes.add(scrapeOf(parseExposition(scrape), second))
  const fixed = { id: `ws-${number}`, number, pid: 1, port: 1, internalPort: 2, startedAtSeconds: 0, readySinceSeconds: 0 }
  return { ...fixed, version: { name: 'v1', colour: 'blue', env: {} }, ready: true, leaving: false, scrapes, ...given }
}

const scrape = (connections: number, received: number, cpu: number) => `${metrics.connectionsActive.name} ${connections}
${metrics.messages.name}{direction="received"} ${received}
process_cpu_seconds_total ${cpu}
process_resident_memory_bytes ${50 * 2 ** 20}
`
const load = { ...noLoad, wanted: 5, open: 4, moves: 7, afresh: 8, lost: 9 }
const lab = {
  replicas: [],
  starting: [],
  record: null,
  hpa,
  paused: false,
  timeScale: 5,
  load,
  openThroughRouter: 4,
  events: [],
  rollout: null,
  storeUrl: 'valkey://127.0.0.1:6379',
}

test('a card shows the state and the load of a replica', () => {
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
  // As in Kubernetes, the current number of replicas does not include a terminating replica.
  expect(scaler).toMatchObject({
    current: 3,
    desired: null,
    min: 2,
    max: 10,
    targetConnections: 120,
    words: 'Waiting for the first decision.',
  })
})

test('cards are sorted by number, starting replicas included', () => {
  const given = [replica(11, {}), replica(10, {}), replica(2, {})]
  expect(snapshotOf({ ...lab, replicas: given, starting: ['ws-9'] }).replicas.map(({ id }) => id)).toEqual([
    'ws-2',
    'ws-9',
    'ws-10',
    'ws-11',
  ])
})

test('values that only a shared store provides are absent without one', () => {
  expect(snapshotOf(lab).load).toMatchObject({ moves: 7, afresh: 8, lost: 9 })
  expect(snapshotOf({ ...lab, storeUrl: null }).load).toMatchObject({ open: 4, moves: null, afresh: 8, lost: null })
})

test('reports that a replica does not reach its store', () => {
  const down = `${metrics.dependencyUp.name}{dependency="rooms"} 0`
  expect(snapshotOf({ ...lab, replicas: [replica(1, {}), replica(2, {}, scrape(1, 1, 1))] }).storeUp).toBe(true)
  expect(snapshotOf({ ...lab, replicas: [replica(1, {}), replica(2, {}, down)] }).storeUp).toBe(false)
})

test('an HPA without a target for connections shows none', () => {
  expect(snapshotOf({ ...lab, hpa: { ...hpa, metrics: [] } }).scaler.targetConnections).toBeNull()
})
