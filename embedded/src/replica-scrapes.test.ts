import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { parseExposition } from './exposition.ts'
import { ReplicaScrapes, type Scrape, scrapeOf } from './replica-scrapes.ts'

const at = (timeSeconds: number, counted: Partial<Scrape> = {}): Scrape => ({ ...scrapeOf([], timeSeconds), ...counted })

test('reads from a scrape the metrics that the live page and the scaler use', () => {
  const scrape = `${metrics.connectionsActive.name} 12
${metrics.replicaState.name}{state="ready"} 0
${metrics.replicaState.name}{state="draining"} 1
${metrics.messages.name}{direction="received",type="message"} 5
${metrics.messages.name}{direction="received",type="ack"} 6
${metrics.messages.name}{direction="sent",type="message"} 7
process_cpu_seconds_total 1.5
process_resident_memory_bytes 1048576
${metrics.drainSocketsLeft.name} 3
${metrics.buildInfo.name}{version="v2+3f2a91c",colour="green",node="v24"} 1
${metrics.dependencyUp.name}{dependency="rooms"} 1
${metrics.dependencyUp.name}{dependency="sessions"} 0
`
  const expected = { timeSeconds: 9, connections: 12, state: 'draining', received: 11, sent: 7, cpuSeconds: 1.5, memoryBytes: 1048576 }
  expect(scrapeOf(parseExposition(scrape), 9)).toMatchObject({
    ...expected,
    drainLeft: 3,
    storeUp: false,
    version: 'v2+3f2a91c',
    colour: 'green',
  })
  expect(scrapeOf([], 9)).toMatchObject({ state: 'starting', storeUp: true, version: null, colour: null })
})

test('a rate is the growth between the newest scrape and the oldest one in the window', () => {
  const scrapes = new ReplicaScrapes()
  expect(scrapes.rate('received', 10)).toBeUndefined()
  scrapes.add(at(0, { received: 0 }))
  expect(scrapes.rate('received', 10)).toBeUndefined()
  scrapes.add(at(5, { received: 1000 }))
  scrapes.add(at(15, { received: 1200 }))
  expect(scrapes.rate('received', 10)).toEqual({ perSecond: 20, overSeconds: 10 })
  expect(scrapes.rate('received', 60)).toEqual({ perSecond: 80, overSeconds: 15 })
  expect(scrapes.rate('received', 1)).toBeUndefined()
})

test('a counter that was reset has a rate of zero', () => {
  const scrapes = new ReplicaScrapes()
  scrapes.add(at(0, { cpuSeconds: 7 }))
  scrapes.add(at(1, { cpuSeconds: 1 }))
  expect(scrapes.rate('cpuSeconds', 10)?.perSecond).toBe(0)
})

test('stores the scrapes of one minute', () => {
  const scrapes = new ReplicaScrapes()
  for (let second = 0; second <= 300; second++) scrapes.add(at(second, { sent: second }))
  expect(scrapes.rate('sent', 1_000)?.overSeconds).toBe(60)
  expect(scrapes.last?.timeSeconds).toBe(300)
})
