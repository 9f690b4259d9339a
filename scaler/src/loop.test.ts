/** The loop on fakes: what it does to the world, what it writes down, and what it survives. */
import { expect, test } from 'vitest'
import { emptyMemory } from './core/decision.ts'
import { defaultControllerOptions, type HorizontalPodAutoscaler } from './core/types.ts'
import { type FakeClock, fakeClock } from './fakes/fake-clock.ts'
import { type FakeMetrics, fakeMetrics, noReadings } from './fakes/fake-metrics.ts'
import { type FakeTarget, fakeTarget } from './fakes/fake-target.ts'
import {
  initialState,
  type LoopPorts,
  type LoopSettings,
  type LoopState,
  resumedState,
  runLoop,
  type Specification,
  synchronise,
} from './loop.ts'
import type { TickRecord } from './record.ts'

const metricName = 'websocket_connections_active'
const hpa: HorizontalPodAutoscaler = {
  name: 'ws',
  namespace: 'default',
  scaleTargetRef: { kind: 'Deployment', name: 'ws' },
  minReplicas: 1,
  maxReplicas: 10,
  metrics: [{ type: 'Pods', metric: { name: metricName }, target: { type: 'AverageValue', averageValueMilli: 100_000 } }],
  behavior: {
    scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] },
    scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 1, periodSeconds: 30 }] },
  },
}
const never = new AbortController().signal

interface World {
  clock: FakeClock
  target: FakeTarget
  metrics: FakeMetrics
  settings: LoopSettings
  ports: LoopPorts
  records: TickRecord[]
  said: string[]
  paused: boolean
  /** Set: the file as it is now. */
  specification: Specification | null
}

function world(over: Partial<LoopSettings> = {}, startSeconds = 1_700_000_000): World {
  const clock = fakeClock(startSeconds)
  const target = fakeTarget({ count: 2, service: 'ws', nowSeconds: clock.nowSeconds, requestsMilli: {} })
  const metrics = fakeMetrics()
  const records: TickRecord[] = []
  const said: string[] = []
  const made: World = {
    clock,
    target,
    metrics,
    settings: { hpa, controller: defaultControllerOptions, timeScale: 1, dryRun: false, ...over },
    records,
    said,
    paused: false,
    specification: null,
    ports: {
      clock,
      target,
      metrics,
      specification: async () => made.specification ?? { hpa: made.settings.hpa },
      isPaused: async () => made.paused,
      // As it comes back from the file.
      write: async (record) => void records.push(JSON.parse(JSON.stringify(record))),
      say: (line) => said.push(line),
    },
  }
  return made
}

/** Every replica that is there has this many sockets. */
async function sockets(w: World, perReplica: number): Promise<void> {
  const replicas = (await w.target.list(never)).map(({ name }) => ({
    name,
    sample: null,
    valuesMilli: { [metricName]: perReplica * 1000 },
  }))
  w.metrics.readings = { ...noReadings, replicas }
}

async function tick(w: World, state: LoopState, stop = never): Promise<LoopState> {
  const next = await synchronise(w.settings, w.ports, state, stop)
  w.clock.advance(w.settings.controller.syncPeriodSeconds / w.settings.timeScale)
  return next
}

const last = ({ records }: World): TickRecord => {
  const record = records.at(-1)
  if (!record) throw new Error('nothing was written')
  return record
}

test('more load: it scales, and writes down what it saw, decided and did', async () => {
  const w = world()
  await sockets(w, 200)
  await tick(w, initialState)
  expect(w.target.asked).toEqual([4])
  expect(last(w)).toMatchObject({
    hpa: { name: 'ws' },
    timeScale: 1,
    observation: { scale: { specReplicas: 2 } },
    decision: { scaleTo: 4, rescale: 'Succeeded' },
    memory: { scaleUps: [{ change: 2 }] },
    action: { from: 2, to: 4, result: 'Succeeded', removed: [] },
  })
})

test('less load: nobody goes before the window is over, then the highest number', async () => {
  const w = world()
  let state = initialState
  for (let i = 0; i < 4; i += 1) {
    await sockets(w, 10)
    state = await tick(w, state)
  }
  expect(w.target.asked).toEqual([])
  await sockets(w, 10)
  await tick(w, state)
  expect(last(w).action).toMatchObject({ from: 2, to: 1, removed: ['ws-2'] })
})

test('a draining replica does not count, and stays so when its series end; its successor counts', async () => {
  const w = world()
  await sockets(w, 90)
  w.metrics.readings = { ...w.metrics.readings, draining: [{ name: 'ws-2', seenSeconds: w.clock.nowSeconds() + 1 }] }
  const deleting = () => last(w).observation.pods.map((pod) => pod.deleting)
  let state = await tick(w, initialState)
  expect(last(w).observation.scale).toEqual({ specReplicas: 1, statusReplicas: 1 })
  expect(deleting()).toEqual([false, true])
  await sockets(w, 90)
  state = await tick(w, state)
  expect(deleting()).toEqual([false, true])
  w.target.set(['ws-1'])
  w.target.set(['ws-1', 'ws-2'])
  await tick(w, state)
  expect(deleting()).toEqual([false, false])
})

test('what the replica before it said under the same name does not count against a new one', async () => {
  const w = world()
  await sockets(w, 90)
  w.metrics.readings = { ...w.metrics.readings, draining: [{ name: 'ws-1', seenSeconds: w.clock.nowSeconds() - 3600 }] }
  await tick(w, initialState)
  expect(last(w).observation.pods.map((pod) => pod.deleting)).toEqual([false, false])
})

test('a replica without a sample is missing, not zero', async () => {
  const w = world()
  await sockets(w, 110)
  w.metrics.readings = { ...w.metrics.readings, replicas: w.metrics.readings.replicas.slice(0, 1) }
  await tick(w, initialState)
  expect(last(w).decision.metrics[0]?.reasoning?.pods?.missing).toEqual(['ws-2'])
  expect(last(w).decision.recommendation).toBe(2)
})

test('Prometheus away: it holds, says so, and heals', async () => {
  const w = world()
  await sockets(w, 500)
  w.metrics.away = 'connection refused'
  let state = await tick(w, initialState)
  expect(last(w).decision.conditions).toContainEqual(expect.objectContaining({ type: 'ScalingActive', status: 'False' }))
  expect(w.target.asked).toEqual([])
  expect(w.said.join()).toContain('connection refused')
  w.metrics.away = null
  state = await tick(w, state)
  expect(last(w).decision.conditions).toContainEqual(expect.objectContaining({ type: 'ScalingActive', status: 'True' }))
  expect(w.target.asked).toEqual([6])
})

test('Docker away: it asks less and less often, with a bound, and heals', async () => {
  const w = world()
  const stop = new AbortController()
  w.target.listError = 'no such socket'
  const write = w.ports.write
  const ports: LoopPorts = {
    ...w.ports,
    write: async (record) => {
      await write(record)
      if (w.records.length === 7) w.target.listError = null
      if (w.records.length === 8) stop.abort()
    },
  }
  await runLoop(w.settings, ports, initialState, stop.signal)
  expect(w.clock.slept).toEqual([15, 30, 60, 120, 120, 120, 120])
  expect(w.records[0]?.decision).toMatchObject({ path: 'ScaleUnreadable', conditions: [{ type: 'AbleToScale', status: 'False' }] })
  expect(last(w).decision.path).not.toBe('ScaleUnreadable')
})

test('a failed action is no change for the policies, and is tried again', async () => {
  const w = world()
  await sockets(w, 200)
  w.target.scaleError = 'no space left'
  const state = await tick(w, initialState)
  expect(last(w)).toMatchObject({ action: { result: 'Failed', error: 'no space left' }, memory: { scaleUps: [] } })
  w.target.scaleError = null
  await tick(w, state)
  expect(last(w).action).toMatchObject({ result: 'Succeeded', to: 4 })
})

test('a person who scales while it decides is not fought, only told about', async () => {
  const w = world()
  await sockets(w, 200)
  const { list } = w.target
  let calls = 0
  const target = {
    ...w.target,
    list: async (signal: AbortSignal) => {
      calls += 1
      if (calls === 2) w.target.set(['ws-1', 'ws-2', 'ws-3', 'ws-4', 'ws-5'])
      return list(signal)
    },
  }
  const state = await synchronise(w.settings, { ...w.ports, target }, initialState, never)
  expect(w.target.asked).toEqual([])
  expect(last(w).action).toMatchObject({ result: 'Failed', error: 'the number of replicas was changed from 2 to 5 meanwhile' })
  expect(last(w).changedByHand).toEqual({ from: 2, to: 5 })
  w.clock.advance(15)
  await sockets(w, 100)
  await tick(w, state)
  expect(last(w).decision).toMatchObject({ currentReplicas: 5, scaleTo: null })
  expect(last(w)).not.toHaveProperty('changedByHand')
})

test('a change by hand between two synchronisations is noted and written down, once', async () => {
  const w = world()
  await sockets(w, 100)
  let state = await tick(w, initialState)
  expect(last(w)).not.toHaveProperty('changedByHand')
  w.target.set(['ws-1', 'ws-2', 'ws-3'])
  await sockets(w, 100)
  state = await tick(w, state)
  expect(last(w).changedByHand).toEqual({ from: 2, to: 3 })
  await tick(w, state)
  expect(last(w)).not.toHaveProperty('changedByHand')
  expect(w.said).toEqual(['somebody else changed the number of replicas from 2 to 3; deciding from there'])
})

test('a changed file counts from the next synchronisation on, and what is remembered stays', async () => {
  const w = world()
  await sockets(w, 10)
  let state = await tick(w, initialState)
  w.specification = { hpa: { ...hpa, minReplicas: 3 } }
  state = await tick(w, state)
  expect(w.target.asked).toEqual([3])
  expect(last(w)).toMatchObject({
    hpa: { minReplicas: 3 },
    decision: { path: 'BelowMinReplicas' },
    memory: { recommendations: [{ replicas: 2 }, { replicas: 1 }] },
  })
  expect(last(w)).not.toHaveProperty('refusedFiles')
})

test('a file that is refused is written down, and the one before it holds', async () => {
  const w = world()
  await sockets(w, 200)
  w.specification = { hpa, refused: 'hpa.yaml:1:1: must be a mapping of fields' }
  await tick(w, initialState)
  expect(last(w)).toMatchObject({ refusedFiles: 'hpa.yaml:1:1: must be a mapping of fields', action: { to: 4, result: 'Succeeded' } })
})

test('paused or dry, it decides and leaves the replicas alone', async () => {
  const w = world()
  await sockets(w, 200)
  w.paused = true
  const state = await tick(w, initialState)
  expect(last(w)).toMatchObject({ paused: true, action: null, decision: { scaleTo: 4, rescale: 'Pending' }, memory: { scaleUps: [] } })
  w.paused = false
  w.settings = { ...w.settings, dryRun: true }
  await tick(w, state)
  expect(last(w)).toMatchObject({ paused: false, action: { result: 'DryRun', from: 2, to: 4 }, memory: { scaleUps: [] } })
  expect(w.target.asked).toEqual([])
})

test('asked to stop in the middle of an action, it abandons it within its bound, writes Interrupted, and goes', async () => {
  const w = world()
  await sockets(w, 200)
  const stop = new AbortController()
  w.target.during = async (signal) => {
    stop.abort()
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('interrupted'))))
  }
  const before = w.clock.nowSeconds()
  await runLoop(w.settings, w.ports, initialState, stop.signal)
  expect(w.clock.nowSeconds() - before).toBe(5)
  expect(last(w).action).toMatchObject({ result: 'Interrupted', durationSeconds: 5 })
  expect(last(w).memory.scaleUps).toEqual([])
})

test('asked to stop, an action that is nearly done may finish', async () => {
  const w = world()
  await sockets(w, 200)
  const stop = new AbortController()
  // Time stands still: the action is done before the bound.
  const sleep = (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())))
  const ports = { ...w.ports, clock: { ...w.clock, sleep } }
  w.target.during = async () => stop.abort()
  await runLoop(w.settings, ports, initialState, stop.signal)
  expect(last(w).action?.result).toBe('Succeeded')
})

test('restarted, it remembers: the window goes on where it was', async () => {
  const w = world()
  let state = initialState
  for (let i = 0; i < 4; i += 1) {
    await sockets(w, 10)
    state = await tick(w, state)
  }
  const resumed = resumedState(last(w), w.settings, w.clock.nowSeconds())
  expect(resumed).toEqual(state)
  await tick(w, resumed)
  expect(w.target.asked).toEqual([1])
})

test('restarted after a long while, it removes nothing for a whole window', async () => {
  const w = world()
  await sockets(w, 10)
  await tick(w, initialState)
  w.clock.advance(3600)
  let state = resumedState(last(w), w.settings, w.clock.nowSeconds())
  for (let i = 0; i < 4; i += 1) state = await tick(w, state)
  expect(w.target.asked).toEqual([])
  await tick(w, state)
  expect(w.target.asked).toEqual([1])
})

test('the memory of another autoscaler, another time scale or the future is not taken', async () => {
  const w = world()
  await sockets(w, 10)
  await tick(w, initialState)
  const now = w.clock.nowSeconds()
  expect(resumedState(last(w), w.settings, now).memory).not.toEqual(emptyMemory)
  expect(resumedState(undefined, w.settings, now)).toEqual(initialState)
  expect(resumedState(last(w), { ...w.settings, timeScale: 2 }, now)).toEqual(initialState)
  expect(resumedState(last(w), { ...w.settings, hpa: { ...hpa, name: 'other' } }, now)).toEqual(initialState)
  expect(resumedState(last(w), w.settings, now - 3600)).toEqual(initialState)
})

test('compressed time takes the same decisions on the same input', async () => {
  const run = async (timeScale: number) => {
    // The engine's zero is Unix's; both runs begin at the same engine second.
    const w = world({ timeScale }, 1_700_000_000 / timeScale)
    let state = initialState
    for (const perReplica of [50, 120, 260, 260, 90, 90, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20]) {
      await sockets(w, perReplica)
      state = await tick(w, state)
    }
    return w
  }
  const real = await run(1)
  const compressed = await run(10)
  const lists = [real, compressed].map(({ records }) => records.map(({ decision, memory }) => ({ decision, memory })))
  expect(lists[1]).toEqual(lists[0])
  expect(new Set(real.target.asked).size).toBeGreaterThan(2)
  expect(compressed.target.asked).toEqual(real.target.asked)
  expect(compressed.clock.nowSeconds() - 170_000_000).toBeCloseTo((real.clock.nowSeconds() - 1_700_000_000) / 10)
  expect(compressed.said.every((line) => !line.includes('→') || line.includes('compressed 10x'))).toBe(true)
})
