import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { parseExposition } from './exposition.ts'
import { type Reading, Readings, readingOf } from './readings.ts'

const at = (timeSeconds: number, counted: Partial<Reading> = {}): Reading => ({ ...readingOf([], timeSeconds), ...counted })

test('takes from a scrape what the lab shows and scales by', () => {
  const scrape = `${metrics.connectionsActive.name} 12
${metrics.replicaState.name}{state="ready"} 0
${metrics.replicaState.name}{state="draining"} 1
${metrics.messages.name}{direction="received",type="message"} 5
${metrics.messages.name}{direction="received",type="ack"} 6
${metrics.messages.name}{direction="sent",type="message"} 7
process_cpu_seconds_total 1.5
process_resident_memory_bytes 1048576
${metrics.drainSocketsLeft.name} 3
${metrics.dependencyUp.name}{dependency="rooms"} 1
${metrics.dependencyUp.name}{dependency="sessions"} 0
`
  const expected = { timeSeconds: 9, connections: 12, state: 'draining', received: 11, sent: 7, cpuSeconds: 1.5, memoryBytes: 1048576 }
  expect(readingOf(parseExposition(scrape), 9)).toMatchObject({ ...expected, drainLeft: 3, storeUp: false })
  expect(readingOf([], 9)).toMatchObject({ state: 'starting', storeUp: true })
})

test('a rate is the growth between the newest reading and the oldest in its window', () => {
  const readings = new Readings()
  expect(readings.rate('received', 10)).toBeUndefined()
  readings.add(at(0, { received: 0 }))
  expect(readings.rate('received', 10)).toBeUndefined()
  readings.add(at(5, { received: 1000 }))
  readings.add(at(15, { received: 1200 }))
  expect(readings.rate('received', 10)).toEqual({ perSecond: 20, overSeconds: 10 })
  expect(readings.rate('received', 60)).toEqual({ perSecond: 80, overSeconds: 15 })
  expect(readings.rate('received', 1)).toBeUndefined()
})

test('a counter that fell counts as one that stood still', () => {
  const readings = new Readings()
  readings.add(at(0, { cpuSeconds: 7 }))
  readings.add(at(1, { cpuSeconds: 1 }))
  expect(readings.rate('cpuSeconds', 10)?.perSecond).toBe(0)
})

test('keeps a minute', () => {
  const readings = new Readings()
  for (let second = 0; second <= 300; second++) readings.add(at(second, { sent: second }))
  expect(readings.rate('sent', 1_000)?.overSeconds).toBe(60)
  expect(readings.last?.timeSeconds).toBe(300)
})
