/** Sentences for decisions that the scaler's own engine made. */
import { expect, test } from 'vitest'
import { decide } from '../../scaler/src/core/decide.ts'
import { emptyMemory, type Memory } from '../../scaler/src/core/decision.ts'
import type { HorizontalPodAutoscaler, Observation, Pod } from '../../scaler/src/core/types.ts'
import { defaultControllerOptions } from '../../scaler/src/core/types.ts'
import type { TickRecord } from '../../scaler/src/record.ts'
import { decisionWords } from './words.ts'

const rules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max' as const,
  policies: [{ type: 'Pods' as const, value: 4, periodSeconds: 15 }],
}
const hpa: HorizontalPodAutoscaler = {
  name: 'ws',
  namespace: 'default',
  scaleTargetRef: { kind: 'Deployment', name: 'ws' },
  minReplicas: 2,
  maxReplicas: 10,
  metrics: [
    {
      type: 'Pods',
      metric: { name: 'websocket_connections_active' },
      target: { type: 'AverageValue', averageValueMilli: 100_000 },
    },
  ],
  behavior: { scaleUp: rules, scaleDown: { ...rules, stabilizationWindowSeconds: 120 } },
}

function pod(number: number, connections: number | null): Pod {
  const valuesMilli = connections === null ? {} : { websocket_connections_active: connections * 1000 }
  const ready = { status: 'True' as const, sinceSeconds: 0 }
  return { name: `ws-${number}`, phase: 'Running', deleting: false, startTimeSeconds: 0, ready, containers: [], sample: null, valuesMilli }
}

function record(
  connections: readonly (number | null)[],
  given: { memory?: Memory; timeSeconds?: number } & Partial<TickRecord> = {},
): TickRecord {
  const { memory = emptyMemory, timeSeconds = 1_000, ...over } = given
  const count = connections.length
  const pods = connections.map((value, i) => pod(i + 1, value))
  const observation: Observation = {
    ...{ timeSeconds, scale: { specReplicas: count, statusReplicas: count }, pods },
    ...{ objectValuesMilli: {}, externalValuesMilli: {} },
  }
  const step = decide(hpa, defaultControllerOptions, observation, memory)
  const options = defaultControllerOptions
  const rest = { time: '', hpa, options, timeScale: 1, paused: false, observation, action: null, decideSeconds: 0 }
  return { ...rest, decision: step.decision, memory: step.memory, ...over }
}

const done = { from: 2, to: 5, result: 'Succeeded' as const, durationSeconds: 1.26, removed: [] }

test('says what was measured, what it asks for, and what was done', () => {
  expect(decisionWords(record([250, 250], { action: done }))).toBe(
    '250 connections for each replica, target 100: asks for 5. 2 → 5: done in 1.3 s.',
  )
  expect(decisionWords(record([250, 250]))).toBe('250 connections for each replica, target 100: asks for 5. 2 → 5.')
  expect(decisionWords(record([250, 250], { action: { ...done, result: 'Failed' } }))).toMatch(/2 → 5: Failed\.$/)
})

test('says which limit made the difference', () => {
  expect(decisionWords(record([800, 800]))).toBe(
    '800 connections for each replica, target 100: asks for 16, limited to 6 by the policies. 2 → 6.',
  )
  expect(decisionWords(record([300, 300, 300, 300, 300, 300, 300, 300]))).toBe(
    '300 connections for each replica, target 100: asks for 24, limited to 12 by the policies, limited to 10 by maxReplicas. 8 → 10.',
  )
})

test('says why nothing is done', () => {
  expect(decisionWords(record([105, 105]))).toBe(
    '105 connections for each replica, target 100: asks for 2, within the tolerance. Staying at 2.',
  )
  const before = record([100, 100, 100, 100, 100])
  expect(decisionWords(record([0, 0, 0, 0, 0], { memory: before.memory, timeSeconds: 1_015 }))).toBe(
    '0 connections for each replica, target 100: asks for 0, the stabilization window says 5. Staying at 5.',
  )
  expect(decisionWords(record([250, 250], { paused: true }))).toMatch(/Paused: would go to 5\.$/)
})

test('says that it is blind, or out of bounds', () => {
  expect(decisionWords(record([null, null]))).toMatch(/^Blind: .*websocket_connections_active.* Keeping 2 replicas\.$/)
  expect(decisionWords(record([1]))).toBe('Fewer replicas than allowed: going to 2.')
  expect(decisionWords(record(Array.from({ length: 11 }, () => 1)))).toBe('More replicas than allowed: going to 10.')
})
