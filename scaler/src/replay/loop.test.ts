/** Tests that the control loop's records can be verified even after a pause, Docker failures, and restarts with short and long gaps. */
import { expect, test } from 'vitest'
import { defaultControllerOptions } from '../core/types.ts'
import { fakeClock } from '../fakes/fake-clock.ts'
import { fakeMetrics, noReadings } from '../fakes/fake-metrics.ts'
import { fakeTarget } from '../fakes/fake-target.ts'
import type { LoopPorts, LoopSettings, LoopState } from '../loop.ts'
import { initialState, resumedState, synchronise } from '../loop.ts'
import type { TickRecord } from '../record.ts'
import { simulated } from '../views/sample-records.ts'
import { verify } from './verify.ts'

const never = new AbortController().signal
const [first] = simulated('surge')
/** Only Pods metrics are used, because an unreadable metric would prevent scaling down. */
const metrics = first?.hpa.metrics.filter(({ type }) => type === 'Pods') ?? []

test.each([1, 10])('at time scale %d', async (timeScale) => {
  if (first === undefined) throw new Error('no record')
  const settings: LoopSettings = { hpa: { ...first.hpa, metrics }, controller: defaultControllerOptions, timeScale, dryRun: false }
  const clock = fakeClock(1_700_000_000)
  const target = fakeTarget({ count: 2, service: 'ws', nowSeconds: clock.nowSeconds, requestsMilli: {} })
  const source = fakeMetrics()
  const records: TickRecord[] = []
  let paused = false
  const ports: LoopPorts = {
    clock,
    target,
    metrics: source,
    specification: async () => ({ hpa: settings.hpa }),
    isPaused: async () => paused,
    write: async (record) => void records.push(JSON.parse(JSON.stringify(record))),
    say: () => undefined,
  }
  let state: LoopState = initialState
  const ticks = async (count: number, sockets: number | null): Promise<void> => {
    for (let i = 0; i < count; i += 1) {
      const names = (await target.list(never)).map(({ name }) => name)
      const reading = (name: string) => ({
        name,
        sample: null,
        valuesMilli: { connections: Math.floor(((sockets ?? 0) * 1000) / names.length) },
      })
      source.readings = sockets === null ? noReadings : { ...noReadings, replicas: names.map(reading) }
      state = await synchronise(settings, ports, state, never)
      clock.advance(settings.controller.syncPeriodSeconds / timeScale)
    }
  }
  const restart = (): void => {
    state = resumedState(records.at(-1), settings, clock.nowSeconds())
  }

  await ticks(3, 700)
  paused = true
  await ticks(2, 900)
  paused = false
  await ticks(2, null)
  restart()
  await ticks(4, 100)
  clock.advance(3600 / timeScale)
  restart()
  await ticks(14, 100)

  expect(verify(records)).toEqual({ compared: 25, differences: [], startedLate: false })
  expect(records.filter(({ decision }) => decision.rescale === 'Succeeded').length).toBeGreaterThan(2)
  expect(records.some(({ decision, paused: held }) => held && decision.rescale === 'Pending')).toBe(true)
})
