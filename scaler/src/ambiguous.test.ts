/** Tests autoscalers that share a scale target. The messages are those of Kubernetes v1.36.3. */

import { success } from '@lab/contract/result.ts'
import { expect, test } from 'vitest'
import { decideWith } from './ambiguous.ts'
import { emptyMemory } from './core/decision.ts'
import { defaultControllerOptions as options } from './core/types.ts'
import { noReadings } from './fakes/fake-metrics.ts'
import { hpaFixture, podsMetric } from './fakes/hpa-fixture.ts'
import { observationOf } from './observation.ts'

const hpa = hpaFixture({ metrics: [podsMetric('load', 100)] })
const sharing = ['default/a', 'default/ws']
const message = 'pods by selector com.docker.compose.service=ws are controlled by multiple HPAs: [default/a default/ws]'
const observed = (count: number, timeSeconds = 1000) => {
  const names = Array.from({ length: count }, (_, i) => `ws-${i + 1}`)
  const replicas = names.map((name) => ({ name, phase: 'Running' as const, startTimeSeconds: 1, ready: null, containers: [] }))
  const readings = { ...noReadings, replicas: names.map((name) => ({ name, sample: null, valuesMilli: { load: 900_000 } })) }
  return observationOf({ nowSeconds: timeSeconds, replicas: success(replicas), readings }, [], 1)
}

test('do not act on their metrics, and report AmbiguousSelector', () => {
  const { decision, memory } = decideWith(hpa, options, observed(3), emptyMemory, sharing)
  expect(decision).toMatchObject({ scaleTo: null, currentReplicas: 3, metrics: [] })
  expect(decision.conditions).toEqual([
    expect.objectContaining({ type: 'AbleToScale', status: 'True', reason: 'SucceededGetScale' }),
    { type: 'ScalingActive', status: 'False', reason: 'AmbiguousSelector', message, sinceSeconds: 1000 },
  ])
  expect(decision.events).toEqual(
    ['AmbiguousSelector', 'FailedComputeMetricsReplicas'].map((reason) => ({ type: 'Warning', reason, message })),
  )
  const later = decideWith(hpa, options, observed(3, 1015), memory, sharing)
  expect(later.decision.conditions).toContainEqual(expect.objectContaining({ reason: 'AmbiguousSelector', sinceSeconds: 1000 }))
  expect(decideWith(hpa, options, observed(3, 1030), later.memory, []).decision.scaleTo).toBe(6)
})

test('keep their minimum and maximum, which Kubernetes checks first', () => {
  expect(decideWith(hpa, options, observed(hpa.maxReplicas + 1), emptyMemory, sharing).decision.scaleTo).toBe(hpa.maxReplicas)
})

test('have no conflict while the target has no pods', () => {
  expect(decideWith(hpa, options, observed(0), emptyMemory, sharing).decision.path).toBe('ScalingDisabled')
})
