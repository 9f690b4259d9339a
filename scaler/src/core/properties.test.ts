/** Property tests for the scaling engine. A failing property test prints its random seed. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hpaFixture, podsMetric } from '../fakes/hpa-fixture.ts'
import { decide, recordRescale } from './decide.ts'
import type { Decision, Memory } from './decision.ts'
import { emptyMemory } from './decision.ts'
import { defaultScaleDown, defaultScaleUp } from './defaults.ts'
import type { Behavior, HorizontalPodAutoscaler, Observation, Pod, ScalingPolicy, ScalingRules } from './types.ts'
import { defaultControllerOptions } from './types.ts'

const policies = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant('Pods' as const),
      value: fc.integer({ min: 1, max: 8 }),
      periodSeconds: fc.integer({ min: 15, max: 90 }),
    }),
    fc.record({
      type: fc.constant('Percent' as const),
      value: fc.integer({ min: 5, max: 200 }),
      periodSeconds: fc.integer({ min: 15, max: 90 }),
    }),
  ),
  { minLength: 1, maxLength: 3 },
)

const rules: fc.Arbitrary<ScalingRules> = fc.record({
  stabilizationWindowSeconds: fc.integer({ min: 0, max: 120 }),
  selectPolicy: fc.constantFrom('Max' as const, 'Min' as const, 'Disabled' as const),
  policies,
  tolerance: fc.constantFrom(0, 0.05, 0.1, 0.5),
})

const behavior: fc.Arbitrary<Behavior | undefined> = fc.option(fc.record({ scaleUp: rules, scaleDown: rules }), { nil: undefined })

const bounds = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 30 })).map(([min, more]) => ({ min, max: min + more }))

/** A pod's number of sockets; null if the pod has no value. */
const load = fc.option(fc.integer({ min: 0, max: 400 }), { nil: null, freq: 4 })

const pod: fc.Arbitrary<Omit<Pod, 'name'>> = fc.record({
  phase: fc.constantFrom('Running' as const, 'Running' as const, 'Pending' as const, 'Failed' as const),
  deleting: fc.constantFrom(false, false, false, true),
  startTimeSeconds: fc.constant(-1000),
  ready: fc.constant({ status: 'True' as const, sinceSeconds: -990 }),
  containers: fc.constant([]),
  sample: fc.constant(null),
  valuesMilli: load.map((sockets): Record<string, number> => (sockets === null ? {} : { sockets: sockets * 1000 })),
})

const podList = fc.array(pod, { maxLength: 25, size: 'max' }).map((list) => list.map((one, i): Pod => ({ ...one, name: `ws-${i + 1}` })))

function hpaOf({ min, max }: { min: number; max: number }, given: Behavior | undefined): HorizontalPodAutoscaler {
  return hpaFixture({ minReplicas: min, maxReplicas: max, metrics: [podsMetric('sockets', 100)], ...(given && { behavior: given }) })
}

function observationOf(timeSeconds: number, replicas: number, pods: readonly Pod[]): Observation {
  return {
    timeSeconds,
    scale: { specReplicas: replicas, statusReplicas: replicas },
    pods,
    objectValuesMilli: {},
    externalValuesMilli: {},
  }
}

interface Sync {
  readonly afterSeconds: number
  readonly pods: readonly Pod[]
  readonly writeFails: boolean
}

const syncs: fc.Arbitrary<Sync[]> = fc.array(
  fc.record({ afterSeconds: fc.integer({ min: 1, max: 40 }), pods: podList, writeFails: fc.constantFrom(false, false, false, true) }),
  { minLength: 1, maxLength: 30, size: 'max' },
)

/** Returns the decisions of successive syncs in which only the autoscaler changes the replica count. */
function closedLoop(hpa: HorizontalPodAutoscaler, start: number, list: readonly Sync[]): Decision[] {
  let memory: Memory = emptyMemory
  let replicas = start
  let now = 0
  return list.map(({ afterSeconds, pods, writeFails }) => {
    now += afterSeconds
    const decided = decide(hpa, defaultControllerOptions, observationOf(now, replicas, pods), memory)
    const step = recordRescale(hpa, defaultControllerOptions, decided, writeFails ? { error: 'no' } : { ok: true })
    memory = step.memory
    if (step.decision.rescale === 'Succeeded') replicas = step.decision.scaleTo ?? replicas
    return step.decision
  })
}

const within = ({ min, max }: { min: number; max: number }, at: number): number => min + (at % (max - min + 1))

test('the count is always between minReplicas and maxReplicas', () => {
  const property = fc.property(bounds, behavior, fc.nat(40), syncs, (range, given, start, list) => {
    for (const { scaleTo, bounded } of closedLoop(hpaOf(range, given), start, list)) {
      for (const count of [scaleTo, bounded]) {
        if (count === null) continue
        expect(count).toBeGreaterThanOrEqual(range.min)
        expect(count).toBeLessThanOrEqual(range.max)
      }
    }
  })
  fc.assert(property, { numRuns: 300 })
})

test('decide() is deterministic and does not modify its arguments', () => {
  const property = fc.property(bounds, behavior, syncs, (range, given, list) => {
    const hpa = hpaOf(range, given)
    const frozen = JSON.stringify(list)
    expect(closedLoop(hpa, range.min, list)).toEqual(closedLoop(hpa, range.min, list))
    expect(JSON.stringify(list)).toBe(frozen)
  })
  fc.assert(property, { numRuns: 50 })
})

describe('missing data', () => {
  test('never reverses the direction that the pods with values indicate', () => {
    const property = fc.property(podList, fc.integer({ min: 1, max: 30 }), (pods, replicas) => {
      const hpa = hpaOf({ min: 1, max: 50 }, undefined)
      const { decision } = decide(hpa, defaultControllerOptions, observationOf(0, replicas, pods), emptyMemory)
      const reasoning = decision.metrics[0]?.reasoning
      if (!reasoning || reasoning.pods?.missing.length === 0) return
      if (reasoning.ratio <= 1) expect(reasoning.proposal).toBeLessThanOrEqual(replicas)
      if (reasoning.ratio >= 1) expect(reasoning.proposal).toBeGreaterThanOrEqual(replicas)
    })
    fc.assert(property, { numRuns: 1000 })
  })

  test('never increases the change in comparison with the pods that have values', () => {
    const known = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 15 })
    const property = fc.property(known, fc.integer({ min: 1, max: 10 }), (sockets, missing) => {
      const running = (value: number | null, i: number): Pod => ({
        name: `ws-${i}`,
        phase: 'Running',
        deleting: false,
        startTimeSeconds: -1000,
        ready: { status: 'True', sinceSeconds: -990 },
        containers: [],
        sample: null,
        valuesMilli: value === null ? {} : { sockets: value * 1000 },
      })
      const replicas = sockets.length + missing
      const hpa = hpaOf({ min: 1, max: 100 }, undefined)
      const proposalWith = (values: readonly (number | null)[]): number => {
        const seen = observationOf(0, replicas, values.map(running))
        const { decision } = decide(hpa, defaultControllerOptions, seen, emptyMemory)
        return decision.metrics[0]?.reasoning?.proposal ?? replicas
      }
      const holes = new Array<null>(missing).fill(null)
      // Pods without a value are given the other pods' average, so that the ratio stays the same and no value is assumed.
      const average = sockets.reduce((sum, value) => sum + value, 0) / sockets.length
      const complete = Math.ceil((average * replicas) / 100)
      const cautious = proposalWith([...sockets, ...holes])
      expect(Math.abs(cautious - replicas)).toBeLessThanOrEqual(Math.abs(complete - replicas))
    })
    fc.assert(property, { numRuns: 500 })
  })
})

test('the count does not fall below the recommendations within the scale-down window', () => {
  const windows = fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined, freq: 2 })
  const property = fc.property(bounds, fc.nat(), windows, syncs, (range, at, windowSeconds, list) => {
    const hasBehavior = windowSeconds !== undefined
    const scaleDown = { ...defaultScaleDown, stabilizationWindowSeconds: windowSeconds ?? 0 }
    const hpa = hpaOf(range, hasBehavior ? { scaleUp: defaultScaleUp, scaleDown } : undefined)
    const start = within(range, at)
    const asked: { time: number; replicas: number }[] = []
    for (const decision of closedLoop(hpa, start, list)) {
      const { timeSeconds: now, currentReplicas, recommendation, scaleTo } = decision
      // In the first sync, the current replica count serves as a recommendation.
      if (asked.length === 0) asked.push({ time: now, replicas: start })
      if (recommendation !== null) asked.push({ time: now, replicas: recommendation })
      if (scaleTo === null || currentReplicas === null || scaleTo >= currentReplicas) continue
      const cutoff = now - (windowSeconds ?? defaultControllerOptions.downscaleStabilizationSeconds)
      const recent = asked.filter(({ time }) => (hasBehavior ? time > cutoff : time >= cutoff)).map(({ replicas }) => replicas)
      expect(scaleTo).toBeGreaterThanOrEqual(Math.max(...recent))
    }
  })
  fc.assert(property, { numRuns: 300 })
})

test('the count does not rise above the recommendations within the scale-up window', () => {
  const property = fc.property(bounds, fc.nat(), fc.integer({ min: 0, max: 120 }), syncs, (range, at, windowSeconds, list) => {
    const scaleUp = { ...defaultScaleUp, stabilizationWindowSeconds: windowSeconds }
    const start = within(range, at)
    const asked: { time: number; replicas: number }[] = []
    for (const decision of closedLoop(hpaOf(range, { scaleUp, scaleDown: defaultScaleDown }), start, list)) {
      const { timeSeconds: now, currentReplicas, recommendation, scaleTo } = decision
      if (asked.length === 0) asked.push({ time: now, replicas: start })
      if (recommendation !== null) asked.push({ time: now, replicas: recommendation })
      if (scaleTo === null || currentReplicas === null || scaleTo <= currentReplicas) continue
      const recent = asked.filter(({ time }) => time > now - windowSeconds).map(({ replicas }) => replicas)
      expect(scaleTo).toBeLessThanOrEqual(Math.min(...recent, recommendation ?? scaleTo))
    }
  })
  fc.assert(property, { numRuns: 300 })
})

describe('policies', () => {
  /** Returns the replica count at the start of the period that ends at `now`. */
  const countAtStart = (history: readonly { time: number; replicas: number }[], now: number, periodSeconds: number): number =>
    history.findLast(({ time }) => time <= now - periodSeconds)?.replicas ?? history[0]?.replicas ?? 0

  const most = ({ type, value }: ScalingPolicy, start: number): number =>
    type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100))
  const least = ({ type, value }: ScalingPolicy, start: number): number =>
    type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100))

  // Both scaling directions use the same policies here, because Kubernetes forgets a change after the longest policy period for its
  // direction.
  test.each(['Max', 'Min'] as const)('with selectPolicy %s, the change within each period stays within the policies', (selectPolicy) => {
    const property = fc.property(bounds, fc.nat(), policies, syncs, (range, at, given, list) => {
      const both = { selectPolicy, policies: given, stabilizationWindowSeconds: 0 }
      const start = within(range, at)
      const history = [{ time: 0, replicas: start }]
      for (const { timeSeconds: now, scaleTo, currentReplicas, rescale } of closedLoop(
        hpaOf(range, { scaleUp: both, scaleDown: both }),
        start,
        list,
      )) {
        if (rescale !== 'Succeeded' || scaleTo === null || currentReplicas === null) continue
        const starts = given.map((policy) => ({ policy, count: countAtStart(history, now, policy.periodSeconds) }))
        const pick = (selectPolicy === 'Max') === scaleTo > currentReplicas ? Math.max : Math.min
        const limit = pick(...starts.map(({ policy, count }) => (scaleTo > currentReplicas ? most(policy, count) : least(policy, count))))
        if (scaleTo > currentReplicas) expect(scaleTo).toBeLessThanOrEqual(limit)
        else expect(scaleTo).toBeGreaterThanOrEqual(limit)
        history.push({ time: now, replicas: scaleTo })
      }
    })
    fc.assert(property, { numRuns: 400 })
  })

  test('selectPolicy Disabled prevents changes in its direction', () => {
    const off: ScalingRules = { ...defaultScaleDown, selectPolicy: 'Disabled', stabilizationWindowSeconds: 0 }
    const property = fc.property(bounds, fc.nat(), syncs, (range, at, list) => {
      const hpa = hpaOf(range, { scaleUp: off, scaleDown: off })
      expect(closedLoop(hpa, within(range, at), list).every(({ scaleTo }) => scaleTo === null)).toBe(true)
    })
    fc.assert(property, { numRuns: 100 })
  })
})

test('the memory stays bounded in a long run', () => {
  const hpa = hpaOf({ min: 1, max: 30 }, { scaleUp: defaultScaleUp, scaleDown: { ...defaultScaleDown, stabilizationWindowSeconds: 60 } })
  let memory: Memory = emptyMemory
  let replicas = 1
  for (let now = 0; now < 15 * 2000; now += 15) {
    const sockets = 150 + 140 * Math.sin(now / 200)
    const pods = Array.from({ length: replicas }, (_, i): Pod => {
      const steady = { phase: 'Running', deleting: false, startTimeSeconds: -1000, ready: null, containers: [], sample: null } as const
      return { ...steady, name: `ws-${i}`, valuesMilli: { sockets: Math.round((sockets * 1000 * 4) / replicas) } }
    })
    const step = recordRescale(
      hpa,
      defaultControllerOptions,
      decide(hpa, defaultControllerOptions, observationOf(now, replicas, pods), memory),
      {
        ok: true,
      },
    )
    memory = step.memory
    replicas = step.decision.scaleTo ?? replicas
  }
  expect(memory.recommendations?.length).toBeLessThanOrEqual(60 / 15 + 2)
  expect(memory.scaleUps.length + memory.scaleDowns.length).toBeLessThanOrEqual(2 * 2 + 2)
  expect(memory.scaleUps.length).toBeGreaterThan(0)
})
