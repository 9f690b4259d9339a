/** Provides a control loop that uses fakes, and helpers for its tests. */
import { metrics } from '@lab/contract/metrics.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { type LoopPorts, type LoopSettings, type LoopState, type Specification, synchronise } from '../loop.ts'
import type { TickRecord } from '../record.ts'
import type { RolloutScale } from '../rollout-file.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { type FakeMetrics, fakeMetrics, noReadings } from './fake-metrics.ts'
import { type FakeTarget, fakeTarget } from './fake-target.ts'
import { hpaFixture, podsMetric } from './hpa-fixture.ts'

export const metricName = metrics.connectionsActive.name
export const hpa = hpaFixture({
  metrics: [podsMetric(metricName, 100)],
  behavior: {
    scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] },
    scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 1, periodSeconds: 30 }] },
  },
})
export const never = new AbortController().signal

/** A control loop that uses fakes. */
export interface TestLoop {
  clock: FakeClock
  target: FakeTarget
  metrics: FakeMetrics
  settings: LoopSettings
  ports: LoopPorts
  records: TickRecord[]
  said: string[]
  paused: boolean
  /** Content of the file that describes the current rollout. */
  rollout: RolloutScale | undefined
  /** The autoscaler spec in the HPA file; if null, the loop keeps the spec with which it started. */
  specification: Specification | null
}

/** Creates a control loop that uses fakes and starts with two replicas. */
export function testLoop(over: Partial<LoopSettings> = {}, startSeconds = 1_700_000_000): TestLoop {
  const clock = fakeClock(startSeconds)
  const target = fakeTarget({ count: 2, service: 'ws', nowSeconds: clock.nowSeconds, requestsMilli: {} })
  const metrics = fakeMetrics()
  const records: TickRecord[] = []
  const said: string[] = []
  const made: TestLoop = {
    clock,
    target,
    metrics,
    settings: { hpa, controller: defaultControllerOptions, timeScale: 1, dryRun: false, ...over },
    records,
    said,
    paused: false,
    rollout: undefined,
    specification: null,
    ports: {
      clock,
      target,
      metrics,
      specification: async () => made.specification ?? { hpa: made.settings.hpa },
      isPaused: async () => made.paused,
      rollout: {
        read: async () => made.rollout,
        write: async (scale) => {
          made.rollout = scale
        },
      },
      // Converts each record to JSON and back, because the decision log stores records as JSON.
      write: async (record) => void records.push(JSON.parse(JSON.stringify(record))),
      say: (line) => said.push(line),
    },
  }
  return made
}

/** Sets the number of sockets that the fake metrics report for every replica. */
export async function sockets(w: TestLoop, perReplica: number): Promise<void> {
  const replicas = (await w.target.list(never)).map(({ name }) => ({
    name,
    sample: null,
    valuesMilli: { [metricName]: perReplica * 1000 },
  }))
  w.metrics.readings = { ...noReadings, replicas }
}

/** Runs one sync and advances the clock to the time of the next one. */
export async function tick(w: TestLoop, state: LoopState, stop = never): Promise<LoopState> {
  const next = await synchronise(w.settings, w.ports, state, stop)
  w.clock.advance(w.settings.controller.syncPeriodSeconds / w.settings.timeScale)
  return next
}

/** Returns the newest record. @throws Error if there is no record */
export const last = ({ records }: TestLoop): TickRecord => {
  const record = records.at(-1)
  if (!record) throw new Error('no record was written')
  return record
}
