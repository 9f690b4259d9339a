/** Tests the state that the live page receives from the lab on Compose. */
import { liveSnapshot } from '@lab/contract/embedded-api.ts'
import { metrics } from '@lab/contract/metrics.ts'
import type { ReplicaReading } from '@lab/host/readings.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { simulated } from '@lab/scaler/views/sample-records.ts'
import { expect, test } from 'vitest'
import { type ComposeReading, changesBetween, composeSnapshot, withStarts } from './compose-lab.ts'
import { noLoad } from './load-messages.ts'

const [changed] = simulated('surge').filter(({ action }) => action !== null)
if (changed === undefined) throw new Error('the simulation has no change')
/** A decision record that contains the metric's full name instead of the short name used in the simulation. */
const surge = JSON.parse(JSON.stringify(changed).replaceAll('"connections"', JSON.stringify(metrics.connectionsActive.name))) as TickRecord
const atSeconds = Date.parse(surge.time) / 1000 + 10
const replica = (id: string, over: Partial<ReplicaReading> = {}): ReplicaReading => ({
  id,
  state: 'ready',
  sockets: 40,
  startedAtSeconds: 1_700_000_000,
  ...over,
})
const none = new Map<string, number>()
const reading: ComposeReading = {
  atSeconds,
  replicas: [replica('ws-1'), replica('ws-2')],
  storeUp: true,
  record: surge,
  cpuCores: new Map([['ws-1', 0.256]]),
  residentBytes: new Map([['ws-1', 80 * 2 ** 20]]),
  eventLoop: none,
  versions: new Map([['ws-1', { version: 'v2+3f2a91c', colour: 'green' }]]),
  rollouts: undefined,
}
const snapshot = (over: Partial<ComposeReading> = {}) =>
  composeSnapshot({ ...reading, ...over }, { load: { ...noLoad, lost: 0 }, k6: null }, [])

test('matches the schema of the page', () => {
  expect(liveSnapshot.parse(snapshot())).toMatchObject({
    mode: 'compose',
    shared: true,
    openThroughRouter: 80,
    scaler: { current: 2, targetConnections: 100, words: expect.stringContaining(' per replica; target 100 → ') },
  })
  expect(snapshot().replicas).toMatchObject([
    { id: 'ws-1', connections: 40, cpuPercent: 26, memoryMiB: 80, version: 'v2+3f2a91c', colour: 'green' },
    { id: 'ws-2', cpuPercent: null, version: null, colour: null },
  ])
})

test('a draining replica does not count', () => {
  const replicas = [replica('ws-1'), replica('ws-2', { state: 'draining' })]
  expect(snapshot({ replicas })).toMatchObject({ scaler: { current: 1 }, replicas: [{ drainLeft: 0 }, { drainLeft: 40 }] })
})

test('an old decision belongs to a scaler that no longer runs', () => {
  expect(snapshot({ atSeconds: atSeconds + 60 }).scaler).toBeNull()
  expect(snapshot({ record: undefined }).scaler).toBeNull()
})

test('without a shared store, the number of lost messages is unknown', () => {
  expect(snapshot({ storeUp: null })).toMatchObject({ shared: false, load: { lost: null, moves: null } })
})

test('a container that has never answered is starting, and one that answered before is silent', () => {
  const silent = replica('ws-3', { state: 'silent' })
  const state = (before: ReplicaReading[]) => withStarts(before, [silent])[0]?.state
  expect(state([])).toBe('starting')
  expect(state([{ ...silent, state: 'starting' }])).toBe('starting')
  expect(state([replica('ws-3')])).toBe('silent')
  expect(state([silent])).toBe('silent')
})

test('lists the changes between two readings', () => {
  const later = { ...reading, replicas: [replica('ws-2', { state: 'draining' }), replica('ws-10')], record: { ...surge, time: 'later' } }
  expect(changesBetween(reading, later)).toEqual([
    'ws-2: draining',
    'ws-10: ready',
    'ws-1: gone',
    expect.stringMatching(/Scaled from \d+ to \d+ in/),
  ])
  expect(changesBetween(later, later)).toEqual([])
})
