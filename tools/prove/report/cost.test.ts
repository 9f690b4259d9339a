import fc from 'fast-check'
import { expect, test } from 'vitest'
import { costOf } from './cost.ts'

const replica = fc.record({
  replica: fc.string(),
  seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
  cpuSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
  memoryPeakBytes: fc.constant(null),
  memoryGibSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
})
const price = fc.double({ min: 1e-6, max: 100, noNaN: true })
const prices = fc.record({
  currency: fc.constant('EUR'),
  source: fc.constant('a test'),
  perVcpuHour: price,
  perGibHour: price,
  request: fc.record({ vcpu: price, gib: price }),
})
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)

/** Compares two numbers with a tolerance of one in a thousand. */
function near(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(Math.abs(expected) * 0.001 + 1e-12)
}

test('costs are replica-seconds × price and usage × price, within 0.1 %', () => {
  fc.assert(
    fc.property(fc.array(replica, { minLength: 1, maxLength: 20 }), prices, fc.nat(1e9), (replicas, list, messages) => {
      const cost = costOf({ replicas, messages, socketHours: 3 }, list)
      const perReplicaSecond = (list.request.vcpu * list.perVcpuHour + list.request.gib * list.perGibHour) / 3600
      near(cost.byRequest.total, total(replicas.map(({ seconds }) => seconds)) * perReplicaSecond)
      near(cost.byRequest.cpu + cost.byRequest.memory, cost.byRequest.total)
      const cpu = (total(replicas.map(({ cpuSeconds }) => cpuSeconds)) * list.perVcpuHour) / 3600
      const memory = (total(replicas.map(({ memoryGibSeconds }) => memoryGibSeconds)) * list.perGibHour) / 3600
      near(cost.byUsage?.total ?? Number.NaN, cpu + memory)
      if (messages > 0) near((cost.byRequest.perMillionMessages ?? 0) * messages, cost.byRequest.total * 1e6)
      near((cost.byRequest.perThousandUserHours ?? 0) * 3, cost.byRequest.total * 1000)
    }),
  )
})

test('without deliveries there is no cost per message, and without the figures of every replica no cost by usage', () => {
  const list = { currency: 'EUR', source: 'a test', perVcpuHour: 1, perGibHour: 1, request: { vcpu: 1, gib: 1 } }
  const known = { replica: 'ws-1', seconds: 3600, cpuSeconds: 1, memoryPeakBytes: 1, memoryGibSeconds: 1 }
  const unknown = { ...known, replica: 'ws-2', cpuSeconds: null }
  const cost = costOf({ replicas: [known, unknown], messages: 0, socketHours: 0 }, list)
  expect(cost).toMatchObject({ byUsage: null, byRequest: { total: 4, perMillionMessages: null, perThousandUserHours: null } })
})
