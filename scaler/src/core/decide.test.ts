import { describe, expect, test } from 'vitest'
import { hpaFixture } from '../fakes/hpa-fixture.ts'
import { decide, recordRescale } from './decide.ts'
import type { Decision, Memory } from './decision.ts'
import { emptyMemory } from './decision.ts'
import { defaultScaleDown, defaultScaleUp } from './defaults.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, MetricSpec, Observation, Pod } from './types.ts'
import { defaultControllerOptions, seriesKey } from './types.ts'

const hpa = hpaFixture({ behavior: { scaleUp: defaultScaleUp, scaleDown: defaultScaleDown } })

/** Returns pods with the given connection counts; undefined stands for a pod without a value. */
function pods(connections: readonly (number | undefined)[]): Pod[] {
  return connections.map((value, i) => ({
    name: `ws-${i + 1}`,
    phase: 'Running',
    deleting: false,
    startTimeSeconds: -1000,
    ready: { status: 'True', sinceSeconds: -990 },
    containers: [],
    sample: null,
    valuesMilli: value === undefined ? {} : { connections: value * 1000 },
  }))
}

function see(timeSeconds: number, connections: readonly (number | undefined)[], more: Partial<Observation> = {}): Observation {
  const replicas = connections.length
  const scale = { specReplicas: replicas, statusReplicas: replicas }
  return { timeSeconds, scale, pods: pods(connections), objectValuesMilli: {}, externalValuesMilli: {}, ...more }
}

/**
 * Returns a function that runs successive syncs, each of which starts with the state remembered from the previous sync. By default, writing
 * the new replica count always succeeds.
 */
function timeline(spec: HorizontalPodAutoscaler, options: ControllerOptions = defaultControllerOptions) {
  let memory: Memory = emptyMemory
  return (observation: Observation, outcome: { ok: true } | { error: string } = { ok: true }): Decision => {
    const step = recordRescale(spec, options, decide(spec, options, observation, memory), outcome)
    memory = step.memory
    return step.decision
  }
}

const reasons = ({ conditions }: Decision): string[] => conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`)

describe('the explanation', () => {
  test('contains every step of the decision, from the metric to the limit that applied', () => {
    const sync = timeline({ ...hpa, maxReplicas: 5 })
    const decision = sync(see(0, [300, 300]))
    expect(decision).toMatchObject({
      path: 'Metrics',
      currentReplicas: 2,
      winner: 0,
      recommendation: 6,
      stabilized: 6,
      policyLimited: 6,
      bounded: 5,
      boundBy: 'TooManyReplicas',
      scaleTo: 5,
      rescale: 'Succeeded',
      rescaleReason: 'pods metric connections above target',
      lastScaleTimeSeconds: 0,
    })
    expect(decision.metrics[0]?.reasoning).toEqual({
      current: { averageValueMilli: 300_000 },
      ratio: 3,
      cautiousRatio: null,
      tolerance: { down: 0.1, up: 0.1, within: false },
      holdReason: null,
      pods: { readyCount: 2, unready: [], missing: [], ignored: [] },
      proposal: 6,
    })
  })

  test('can be converted to JSON and back', () => {
    const decision = timeline(hpa)(see(0, [300, undefined]))
    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision)
  })

  test('contains the missing pods and the ratio with assumed values', () => {
    const { metrics } = timeline(hpa)(see(0, [50, undefined]))
    expect(metrics[0]?.reasoning).toMatchObject({ ratio: 0.5, cautiousRatio: 0.75, pods: { missing: ['ws-2'] }, proposal: 2 })
  })
})

test('a dip that is shorter than the stabilization window removes no replica', () => {
  const sync = timeline(hpa)
  expect(sync(see(0, [90, 90, 90, 90])).bounded).toBe(4)
  expect(sync(see(15, [10, 10, 10, 10]))).toMatchObject({ recommendation: 1, stabilized: 4, scaleTo: null })
  expect(sync(see(299, [10, 10, 10, 10])).scaleTo).toBeNull()
  expect(sync(see(300, [10, 10, 10, 10])).scaleTo).toBe(1)
})

test('without metrics the count and the conditions report it, until the metrics are back', () => {
  const sync = timeline(hpa)
  sync(see(0, [90, 90]))
  const blind = sync(see(15, [undefined, undefined], { failures: { connections: 'connection refused' } }))
  expect(blind).toMatchObject({ path: 'MetricsFailed', scaleTo: null, desiredReplicas: 2 })
  expect(reasons(blind)).toEqual([
    'AbleToScale=True SucceededGetScale',
    'ScalingActive=False FailedGetPodsMetric',
    'ScalingLimited=False DesiredWithinRange',
  ])
  expect(blind.events.map(({ reason }) => reason)).toEqual(['FailedGetPodsMetric', 'FailedComputeMetricsReplicas'])
  expect(blind.events[0]?.message).toContain('connection refused')
  const healed = sync(see(30, [190, 190]))
  expect(healed.scaleTo).toBe(4)
  expect(healed.conditions.find(({ type }) => type === 'ScalingActive')).toMatchObject({ status: 'True', sinceSeconds: 30 })
})

describe('errors of a metric at decision time', () => {
  const target = { type: 'AverageValue', averageValueMilli: 1000 }
  const decisionOf = (metric: MetricSpec, more: Partial<Observation> = {}) =>
    timeline({ ...hpa, metrics: [metric] })(see(0, [90, 90], more))

  test.each<[string, MetricSpec, string]>([
    ['Pods', { type: 'Pods', metric: { name: 'q' }, target }, 'failed to get pods metric value'],
    [
      'Object',
      { type: 'Object', metric: { name: 'q' }, describedObject: { kind: 'Ingress', name: 'x' }, target },
      'failed to get object metric value',
    ],
    [
      'External',
      { type: 'External', metric: { name: 'q' }, target },
      'failed to get q external metric value: failed to get q external metric',
    ],
  ])('an invalid selector makes a %s metric fail, even if it has values', (type, metric, wrapped) => {
    const selector = { matchExpressions: [{ key: 'a', operator: 'Foo' }] }
    const broken = { ...metric, metric: { name: 'q', selector } } as MetricSpec
    const key = seriesKey(broken)
    const decision = decisionOf(broken, { objectValuesMilli: { [key]: 9e6 }, externalValuesMilli: { [key]: [9e6] } })
    expect(decision).toMatchObject({ path: 'MetricsFailed', scaleTo: null })
    const cause = '"Foo" is not a valid label selector operator'
    expect(decision.metrics[0]?.failure).toEqual({ reason: `FailedGet${type}Metric`, message: cause, fullMessage: `${wrapped}: ${cause}` })
  })

  test('a negative sum of an External metric is treated as an overflow', () => {
    const metric: MetricSpec = { type: 'External', metric: { name: 'q' }, target }
    expect(decisionOf(metric, { externalValuesMilli: { q: [-1000, 5000] } }).recommendation).toBe(2 ** 31 - 1)
    expect(decisionOf(metric, { externalValuesMilli: { q: [5000, -1000] } }).recommendation).toBe(4)
    expect(decisionOf(metric, { externalValuesMilli: { q: [] } }).metrics[0]?.failure?.message).toBe(
      'unable to get external metric default/q/nil: no metrics returned from external metrics API',
    )
  })

  test('the message names the container, not its resource', () => {
    const metric: MetricSpec = { type: 'ContainerResource', name: 'cpu', container: 'app', target }
    expect(decisionOf(metric).metrics[0]?.failure?.fullMessage).toMatch(
      /^failed to get app container metric value: failed to get cpu usage: /,
    )
  })
})

test('lastTransitionTime of a condition does not change when only its reason changes', () => {
  const sync = timeline(hpa)
  sync(see(0, [90, 90]))
  const rescaled = sync(see(15, [190, 190]))
  expect(rescaled.conditions[0]).toMatchObject({ type: 'AbleToScale', reason: 'SucceededRescale', sinceSeconds: 0 })
})

test('a failed write is reported, and does not count as a change', () => {
  const sync = timeline({ ...hpa, maxReplicas: 100 })
  sync(see(0, [90, 90]))
  const failed = sync(see(15, [900, 900]), { error: 'the engine hangs' })
  expect(failed).toMatchObject({ rescale: 'Failed', desiredReplicas: 2, lastScaleTimeSeconds: null })
  expect(failed.events).toEqual([
    {
      type: 'Warning',
      reason: 'FailedRescale',
      message: 'New size: 6; reason: pods metric connections above target; error: the engine hangs',
    },
  ])
  expect(reasons(failed)[0]).toBe('AbleToScale=False FailedUpdateScale')
  // If the failed write had counted as a change, the policies would not allow another change within their period of 15 s.
  expect(sync(see(20, [900, 900])).scaleTo).toBe(6)
})

test('an unreadable scale target changes only the condition AbleToScale', () => {
  const sync = timeline(hpa)
  sync(see(0, [90, 90]))
  const decision = sync(see(15, [90, 90], { scale: { error: 'no such service' } }))
  expect(decision).toMatchObject({ path: 'ScaleUnreadable', currentReplicas: null, desiredReplicas: 2, metrics: [] })
  expect(reasons(decision)[0]).toBe('AbleToScale=False FailedGetScale')
  expect(decision.events).toEqual([{ type: 'Warning', reason: 'FailedGetScale', message: 'no such service' }])
})

test('a completed rescale is not recorded again', () => {
  const decided = decide(hpa, defaultControllerOptions, see(0, [300, 300]), emptyMemory)
  const once = recordRescale(hpa, defaultControllerOptions, decided, { ok: true })
  expect(recordRescale(hpa, defaultControllerOptions, once, { ok: true })).toBe(once)
  expect(once.memory.scaleUps).toEqual([{ timeSeconds: 0, change: 4, outdated: false }])
})

test('a count outside min..max is corrected immediately, whatever the metrics are', () => {
  expect(timeline({ ...hpa, maxReplicas: 3 })(see(0, [900, 900, 900, 900]))).toMatchObject({ path: 'AboveMaxReplicas', scaleTo: 3 })
  expect(timeline({ ...hpa, minReplicas: 3 })(see(0, [undefined]))).toMatchObject({ path: 'BelowMinReplicas', scaleTo: 3 })
})

describe('zero replicas', () => {
  const options: ControllerOptions = {
    ...defaultControllerOptions,
    downscaleStabilizationSeconds: 0,
    featureGates: { HPAScaleToZero: true, HPAConfigurableTolerance: true },
  }
  const external = {
    type: 'External',
    metric: { name: 'queue' },
    target: { type: 'AverageValue', averageValueMilli: 10_000 },
  } as const
  const queue: HorizontalPodAutoscaler = {
    ...hpa,
    minReplicas: 0,
    metrics: [external],
  }
  const waiting = (messages: number): Partial<Observation> => ({ externalValuesMilli: { queue: [messages * 1000] } })

  test('with the feature gate, the autoscaler scales to zero and up again', () => {
    const sync = timeline(queue, options)
    expect(sync(see(0, [1], waiting(0)))).toMatchObject({ scaleTo: 0 })
    expect(sync(see(15, [], waiting(25)))).toMatchObject({ scaleTo: 3, boundBy: null })
    expect(reasons(sync(see(30, [1, 1, 1], waiting(25)))).at(-1)).toBe('ScaledToZero=False NotScaledToZero')
  })

  test('minReplicas above 0 raises the count from zero to the minimum', () => {
    const atZero = decide(queue, options, see(0, [1], waiting(0)), emptyMemory)
    const { memory } = recordRescale(queue, options, atZero, { ok: true })
    const { decision } = decide({ ...queue, minReplicas: 4 }, options, see(15, [], waiting(25)), memory)
    expect(decision).toMatchObject({ recommendation: 3, scaleTo: 4, rescaleReason: 'external metric queue(nil) above target' })
    const idle = decide({ ...queue, minReplicas: 4 }, options, see(15, [], waiting(0)), memory).decision
    expect(idle).toMatchObject({ scaleTo: 4, rescaleReason: 'Current number of replicas below Spec.MinReplicas' })
  })

  test('the tolerance does not apply at zero replicas', () => {
    const byValue = { ...queue, metrics: [{ ...external, target: { type: 'Value', valueMilli: 10_000 } }] }
    const { memory } = recordRescale(byValue, options, decide(byValue, options, see(0, [1], waiting(0)), emptyMemory), { ok: true })
    const { decision } = decide(byValue, options, see(15, [], waiting(10.5)), memory)
    expect(decision.scaleTo).toBe(2)
    expect(decision.metrics[0]?.reasoning).toMatchObject({ ratio: 1.05, tolerance: { within: false }, holdReason: null })
  })

  test('another client that scales to zero disables autoscaling', () => {
    const decision = timeline(queue, options)(see(0, [], waiting(25)))
    expect(decision).toMatchObject({ path: 'ScalingDisabled', scaleTo: null, desiredReplicas: 0 })
    expect(reasons(decision)).toContain('ScalingActive=False ScalingDisabled')
  })

  test('without the feature gate, zero replicas stay zero', () => {
    expect(timeline(hpa)(see(0, []))).toMatchObject({ path: 'ScalingDisabled', scaleTo: null })
  })
})

test('a policy with the largest int32 prevents scaling, because the sum wraps around as in Kubernetes', () => {
  const policies = [{ type: 'Pods', value: 2 ** 31 - 1, periodSeconds: 15 }] as const
  const sync = timeline({ ...hpa, behavior: { scaleUp: { ...defaultScaleUp, policies }, scaleDown: defaultScaleDown } })
  expect(sync(see(0, [300, 300]))).toMatchObject({ recommendation: 6, bounded: 2, boundBy: 'ScaleUpLimit', scaleTo: null })
})

describe('an Object metric by value', () => {
  const metric = {
    type: 'Object',
    metric: { name: 'rps' },
    describedObject: { kind: 'Ingress', name: 'front' },
    target: { type: 'Value', valueMilli: 1000 },
  } as const
  const key = seriesKey(metric)

  test('scales with the number of running and ready pods, including pods in deletion', () => {
    const [first, second, third, fourth] = pods([0, 0, 0, 0])
    if (!first || !second || !third || !fourth) throw new Error('four pods')
    const list: Pod[] = [
      first,
      { ...second, phase: 'Succeeded' },
      { ...third, ready: { status: 'False', sinceSeconds: -900 } },
      { ...fourth, deleting: true },
    ]
    const sync = timeline({ ...hpa, metrics: [metric] })
    const decision = sync(see(0, [], { scale: { specReplicas: 2, statusReplicas: 2 }, pods: list, objectValuesMilli: { [key]: 2000 } }))
    expect(decision.metrics[0]?.reasoning).toMatchObject({ ratio: 2, proposal: 4, current: { valueMilli: 2000 } })
  })

  test('fails with an unsupported target type', () => {
    const sync = timeline({ ...hpa, metrics: [{ ...metric, target: { ...metric.target, type: 'Utilization' } }] })
    const { events } = sync(see(0, [1], { objectValuesMilli: { [key]: 2000 } }))
    expect(events[0]?.message).toBe('invalid object metric source: neither a value target nor an average value target was set')
  })

  test('has its own value for each described object', () => {
    const other = { ...metric, describedObject: { kind: 'Ingress', name: 'back' } } as const
    const sync = timeline({ ...hpa, metrics: [metric, other] })
    const { metrics } = sync(see(0, [1], { objectValuesMilli: { [key]: 2000, [seriesKey(other)]: 5000 } }))
    expect(metrics.map(({ reasoning }) => reasoning?.proposal)).toEqual([2, 5])
  })
})

test('a pod has no value if one of its containers has no sample', () => {
  const cpu: HorizontalPodAutoscaler = {
    ...hpa,
    metrics: [{ type: 'Resource', name: 'cpu', target: { type: 'AverageValue', averageValueMilli: 100 } }],
  }
  const [whole, half] = pods([0, 0])
  if (!whole || !half) throw new Error('two pods')
  const sample = (usageMilli: Record<string, Record<string, number>>) => ({ timeSeconds: 0, windowSeconds: 30, usageMilli })
  const list = [
    { ...whole, sample: sample({ ws: { cpu: 60 }, log: { cpu: 40 } }) },
    { ...half, sample: sample({ ws: { cpu: 90 }, log: { memory: 1 } }) },
  ]
  const { metrics } = timeline(cpu)(see(0, [0, 0], { pods: list }))
  expect(metrics[0]?.reasoning).toMatchObject({ current: { averageValueMilli: 100 }, pods: { missing: ['ws-2'] } })
})

test('sums beyond 2^53 are exact', () => {
  // A hundred pods with a value of 2^46 each: their sum times 100 is about 2^59, which a double cannot represent exactly.
  const request = 2 ** 46
  const memory: HorizontalPodAutoscaler = {
    ...hpa,
    metrics: [{ type: 'Resource', name: 'memory', target: { type: 'Utilization', averageUtilization: 70 } }],
  }
  const list = pods(new Array(100).fill(0)).map((pod) => ({
    ...pod,
    containers: [{ name: 'ws', requestsMilli: { memory: request } }],
    sample: { timeSeconds: 0, windowSeconds: 30, usageMilli: { ws: { memory: request - 1 } } },
  }))
  const { metrics } = timeline(memory)(see(0, [], { scale: { specReplicas: 5, statusReplicas: 5 }, pods: list }))
  expect(metrics[0]?.reasoning?.current).toEqual({ averageUtilization: 99, averageValueMilli: request - 1 })
})
