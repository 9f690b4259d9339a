/** Tests the control loop with fakes: its actions, its records, and its behaviour when errors occur. */
import { describe, expect, test } from 'vitest'
import { emptyMemory } from './core/decision.ts'
import { hpa, last, never, sockets, type TestLoop, testLoop, tick } from './fakes/test-loop.ts'
import { initialState, type LoopPorts, resumedState, runLoop, stateAfterKill, synchronise } from './loop.ts'
import type { TickRecord } from './record.ts'
import { verify } from './replay/verify.ts'
import { comparisonsOf, diffText } from './views/diff.ts'

test('scales up with more load, and records the observation, the decision and the action', async () => {
  const w = testLoop()
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

test('scales down with less load after the stabilization window, and removes the highest number', async () => {
  const w = testLoop()
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

test('does not count a draining replica, also after its series have ended, but counts its successor', async () => {
  const w = testLoop()
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

test('ignores the draining state of a former replica with the same name', async () => {
  const w = testLoop()
  await sockets(w, 90)
  w.metrics.readings = { ...w.metrics.readings, draining: [{ name: 'ws-1', seenSeconds: w.clock.nowSeconds() - 3600 }] }
  await tick(w, initialState)
  expect(last(w).observation.pods.map((pod) => pod.deleting)).toEqual([false, false])
})

test('treats a replica without a sample as missing, not as zero', async () => {
  const w = testLoop()
  await sockets(w, 110)
  w.metrics.readings = { ...w.metrics.readings, replicas: w.metrics.readings.replicas.slice(0, 1) }
  await tick(w, initialState)
  expect(last(w).decision.metrics[0]?.reasoning?.pods?.missing).toEqual(['ws-2'])
  expect(last(w).decision.recommendation).toBe(2)
})

test('holds the count and reports it while Prometheus is unreachable, and recovers', async () => {
  const w = testLoop()
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

test('backs off up to a limit while Docker is unreachable, and recovers', async () => {
  const w = testLoop()
  const stop = new AbortController()
  w.target.listError = 'no such socket'
  const write = w.ports.write
  const ports: LoopPorts = {
    ...w.ports,
    write: async (record, replicas) => {
      await write(record, replicas)
      if (w.records.length === 7) w.target.listError = null
      if (w.records.length === 8) stop.abort()
    },
  }
  await runLoop(w.settings, ports, initialState, stop.signal)
  expect(w.clock.slept).toEqual([15, 30, 60, 120, 120, 120, 120])
  expect(w.records[0]?.decision).toMatchObject({ path: 'ScaleUnreadable', conditions: [{ type: 'AbleToScale', status: 'False' }] })
  expect(last(w).decision.path).not.toBe('ScaleUnreadable')
})

test('does not count a failed action as a change, and repeats it', async () => {
  const w = testLoop()
  await sockets(w, 200)
  w.target.scaleError = 'no space left'
  const state = await tick(w, initialState)
  expect(last(w)).toMatchObject({ action: { result: 'Failed', error: 'no space left' }, memory: { scaleUps: [] } })
  w.target.scaleError = null
  await tick(w, state)
  expect(last(w).action).toMatchObject({ result: 'Succeeded', to: 4 })
})

test('starts a replica that was created but not started at the next synchronisation, without a decision', async () => {
  const w = testLoop()
  const state = { ...initialState, replicas: 3 }
  w.target.leaveCreated(['ws-3'])
  await sockets(w, 100)
  const phases = async () => (await w.target.list(never)).map(({ phase }) => phase)
  w.paused = true
  await tick(w, state)
  expect(await phases()).toContain('Pending')
  w.paused = false
  w.target.scaleError = 'created, but not started: ws-3; no such image'
  const failed = await tick(w, state)
  expect(w.said.at(-1)).toBe('cannot start ws-3 (created, but not started): created, but not started: ws-3; no such image')
  w.target.scaleError = null
  await tick(w, failed)
  expect(await phases()).toEqual(['Running', 'Running', 'Running'])
  expect(w.said.at(-1)).toBe('started ws-3 (created, but not started)')
  expect(last(w)).toMatchObject({ action: null, decision: { scaleTo: null, currentReplicas: 3 } })
  expect(last(w)).not.toHaveProperty('changedByHand')
})

test('accepts and reports a change by another client during a decision', async () => {
  const w = testLoop()
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

test('reports and records a change by another client between two synchronisations once', async () => {
  const w = testLoop()
  await sockets(w, 100)
  let state = await tick(w, initialState)
  expect(last(w)).not.toHaveProperty('changedByHand')
  w.target.set(['ws-1', 'ws-2', 'ws-3'])
  await sockets(w, 100)
  state = await tick(w, state)
  expect(last(w).changedByHand).toEqual({ from: 2, to: 3 })
  await tick(w, state)
  expect(last(w)).not.toHaveProperty('changedByHand')
  expect(w.said).toEqual(['another client changed the number of replicas from 2 to 3; the scaler continues from there'])
})

test('does not report a crashed replica as a change by another client', async () => {
  const w = testLoop()
  await sockets(w, 100)
  const state = await tick(w, initialState)
  const target: LoopPorts['target'] = { ...w.target, list: async (stop) => (await w.target.list(stop)).slice(0, 1), lost: () => 1 }
  await synchronise(w.settings, { ...w.ports, target }, state, never)
  expect(last(w).observation.scale).toMatchObject({ specReplicas: 1 })
  expect(last(w).changedByHand).toBeUndefined()
  expect(w.said.join()).not.toContain('another client')
})

test('uses a changed file from the next synchronisation on, and retains the memory', async () => {
  const w = testLoop()
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

test('records that a file is refused, and uses the previous one', async () => {
  const w = testLoop()
  await sockets(w, 200)
  w.specification = { hpa, refused: 'hpa.yaml:1:1: must be a mapping of fields' }
  await tick(w, initialState)
  expect(last(w)).toMatchObject({ refusedFiles: 'hpa.yaml:1:1: must be a mapping of fields', action: { to: 4, result: 'Succeeded' } })
})

test('decides but does not act while paused or in a dry run', async () => {
  const w = testLoop()
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

test('aborts a running action in time after a stop, records it as Interrupted, and ends', async () => {
  const w = testLoop()
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

test('lets a running action finish after a stop, if it ends in time', async () => {
  const w = testLoop()
  await sockets(w, 200)
  const stop = new AbortController()
  // The fake clock does not advance, so the action finishes before its timeout.
  const sleep = (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())))
  const ports = { ...w.ports, clock: { ...w.clock, sleep } }
  w.target.during = async () => stop.abort()
  await runLoop(w.settings, ports, initialState, stop.signal)
  expect(last(w).action?.result).toBe('Succeeded')
})

test('continues the stabilization window after a restart', async () => {
  const w = testLoop()
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

test('removes no replica for a whole window after a restart with a long gap', async () => {
  const w = testLoop()
  await sockets(w, 10)
  await tick(w, initialState)
  w.clock.advance(3600)
  let state = resumedState(last(w), w.settings, w.clock.nowSeconds())
  for (let i = 0; i < 4; i += 1) state = await tick(w, state)
  expect(w.target.asked).toEqual([])
  await tick(w, state)
  expect(w.target.asked).toEqual([1])
})

test('ignores the memory of another autoscaler or time scale, or from the future', async () => {
  const w = testLoop()
  await sockets(w, 10)
  await tick(w, initialState)
  const now = w.clock.nowSeconds()
  expect(resumedState(last(w), w.settings, now).memory).not.toEqual(emptyMemory)
  expect(resumedState(undefined, w.settings, now)).toEqual(initialState)
  expect(resumedState(last(w), { ...w.settings, timeScale: 2 }, now)).toEqual(initialState)
  expect(resumedState(last(w), { ...w.settings, hpa: { ...hpa, name: 'other' } }, now)).toEqual(initialState)
  expect(resumedState(last(w), w.settings, now - 3600)).toEqual(initialState)
})

test('takes the same decisions on the same input with compressed time', async () => {
  const run = async (timeScale: number) => {
    // The real-time run and the compressed run start at the same second on the engine's clock.
    const w = testLoop({ timeScale }, 1_700_000_000 / timeScale)
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

describe('a scaler that is killed during an action', () => {
  /** Runs a scale-up, and returns the intent that was stored before the action. */
  async function killed(): Promise<{ w: TestLoop; intent: TickRecord; stored: (TickRecord | undefined)[] }> {
    const w = testLoop()
    const stored: (TickRecord | undefined)[] = []
    let before = -1
    w.target.during = async () => {
      before = stored.length
    }
    w.ports = { ...w.ports, intend: async (record) => void stored.push(record && JSON.parse(JSON.stringify(record))) }
    await sockets(w, 300)
    await tick(w, initialState)
    // The scaler stores the intent before the action begins, and deletes it after the record has been written.
    expect([before, stored.length, stored[1]]).toEqual([1, 2, undefined])
    const [intent] = stored
    if (intent === undefined) throw new Error('no intent')
    return { w, intent, stored }
  }

  test('leaves an intent, which a new scaler completes and charges to the policies', async () => {
    const { intent } = await killed()
    expect(intent.action).toMatchObject({ from: 2, to: 6, result: 'Interrupted', error: 'the scaler was killed during the action' })
    const next = testLoop()
    next.clock.advance(5)
    // The killed scaler had started two of the four new replicas.
    next.target.set(['ws-1', 'ws-2', 'ws-3', 'ws-4'])
    await sockets(next, 300)
    const state = stateAfterKill(intent, next.settings, next.clock.nowSeconds())
    const after = await tick(next, state)
    expect(next.target.asked[0]).toBe(6)
    expect(next.said).toContain('completed the change from 2 to 6 replicas, during which the scaler was killed; it counts for the policies')
    // Four replicas were added in this period, so the policy allows no others.
    expect(last(next)).toMatchObject({ action: null, decision: { currentReplicas: 6, boundBy: 'ScaleUpLimit' } })
    expect(last(next).changedByHand).toBeUndefined()
    expect(after.unfinished).toBeUndefined()
    expect(verify([intent, ...next.records]).differences).toEqual([])
  })

  test('is not continued if another client has changed the number of replicas in the meantime', async () => {
    const { intent } = await killed()
    const next = testLoop()
    next.target.set(['ws-1'])
    await tick(next, stateAfterKill(intent, next.settings, next.clock.nowSeconds()))
    expect(next.said[0]).toMatch(/^does not complete the change from 2 to 6 replicas, .*: there are 1 replicas$/)
  })

  test('an intent that cannot be stored does not prevent the action', async () => {
    const w = testLoop()
    w.ports = { ...w.ports, intend: () => Promise.reject(new Error('no space left')) }
    await sockets(w, 300)
    await tick(w, initialState)
    expect(last(w).action).toMatchObject({ to: 6, result: 'Succeeded' })
    expect(w.said).toContain('cannot store the intent: no space left')
  })
})

describe('a shadow', () => {
  const cautious = { ...hpa, name: 'cautious', maxReplicas: 3 }

  test('decides on the same readings, never acts, and has a memory of its own after a restart', async () => {
    const w = testLoop()
    w.specification = { hpa, shadow: cautious }
    await sockets(w, 300)
    const state = await tick(w, initialState)
    expect(w.target.asked).toEqual([6])
    expect(last(w)).toMatchObject({
      decision: { scaleTo: 6 },
      shadow: { hpa: { name: 'cautious' }, decision: { scaleTo: 3, currentReplicas: 2 } },
    })
    await tick(w, state)
    // The live autoscaler has six replicas now, which is more than the shadow allows.
    expect(last(w).shadow?.decision).toMatchObject({ path: 'AboveMaxReplicas', scaleTo: 3 })
    const resumed = resumedState(last(w), w.settings, w.clock.nowSeconds())
    expect(resumed.shadow).toEqual(last(w).shadow?.memory)
    expect(verify(w.records).differences).toEqual([])
    const { compared, differences } = comparisonsOf(w.records)
    expect([compared, differences.length]).toEqual([2, 2])
    expect(diffText({ compared, differences })).toMatch(
      /^2 decisions compared: 2 differ\nTIME .*\n\S+ +ws +cautious +2 +6 +3 +live: pods metric/,
    )
    expect(diffText(comparisonsOf([]))).toBe('0 decisions compared: all equal\n')
  })
})
