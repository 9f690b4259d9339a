/** Tests the sentences that describe the engine's decisions. */
import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { decide } from '../core/decide.ts'
import { emptyMemory, type Memory } from '../core/decision.ts'
import type { Observation, Pod } from '../core/types.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { hpaFixture, podsMetric } from '../fakes/hpa-fixture.ts'
import type { TickRecord } from '../record.ts'
import { decisionWords } from './sentence.ts'

const rules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max' as const,
  policies: [{ type: 'Pods' as const, value: 4, periodSeconds: 15 }],
}
const hpa = hpaFixture({
  minReplicas: 2,
  metrics: [podsMetric(metrics.connectionsActive.name, 100)],
  behavior: { scaleUp: rules, scaleDown: { ...rules, stabilizationWindowSeconds: 120 } },
})

function pod(number: number, connections: number | null): Pod {
  const valuesMilli = connections === null ? {} : { [metrics.connectionsActive.name]: connections * 1000 }
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
    timeSeconds,
    scale: { specReplicas: count, statusReplicas: count },
    pods,
    objectValuesMilli: {},
    externalValuesMilli: {},
  }
  const step = decide(hpa, defaultControllerOptions, observation, memory)
  const options = defaultControllerOptions
  const rest = { time: '', hpa, options, timeScale: 1, paused: false, observation, action: null, decideSeconds: 0 }
  return { ...rest, decision: step.decision, memory: step.memory, ...over }
}

const done = { from: 2, to: 5, result: 'Succeeded' as const, durationSeconds: 1.26, removed: [] }

test('contains the formula with its numbers, and the action', () => {
  expect(decisionWords(record([150, 140, 160], { action: { ...done, from: 3 } }))).toBe(
    '450 sockets / 3 replicas = 150 per replica; target 100 → 5 replicas. Scaled from 3 to 5 in 1.3 s.',
  )
  expect(decisionWords(record([250, 250]))).toBe(
    '500 sockets / 2 replicas = 250 per replica; target 100 → 5 replicas. Scaling from 2 to 5.',
  )
  expect(decisionWords(record([250, 250], { action: { ...done, result: 'Failed' } }))).toMatch(/Scaling from 2 to 5: Failed\.$/)
})

test('contains the limit that applied', () => {
  expect(decisionWords(record([800, 800]))).toBe(
    '1600 sockets / 2 replicas = 800 per replica; target 100 → 16 replicas, the policies allow 6 for now. Scaling from 2 to 6.',
  )
  expect(decisionWords(record([300, 300, 300, 300, 300, 300, 300, 300]))).toBe(
    '2400 sockets / 8 replicas = 300 per replica; target 100 → 24 replicas, ' +
      'the policies allow 12 for now, maxReplicas is 10. Scaling from 8 to 10.',
  )
})

test('contains the reason why nothing changes', () => {
  expect(decisionWords(record([105, 105]))).toBe(
    '210 sockets / 2 replicas = 105 per replica; target 100 → 2 replicas, within the tolerance of 10 %. Staying at 2.',
  )
  const before = record([100, 100, 100, 100, 100])
  expect(decisionWords(record([0, 0, 0, 0, 0], { memory: before.memory, timeSeconds: 1_015 }))).toBe(
    '0 sockets / 5 replicas = 0 per replica; target 100 → 0 replicas, the stabilization window keeps 5 for now. Staying at 5.',
  )
  const action = { from: 2, to: 5, result: 'Succeeded' as const, durationSeconds: 0, removed: [] }
  expect(decisionWords(record([250, 250], { action, rollout: { from: 3, to: 4 } }))).toMatch(
    /Handed to the rollout: from 2 to 5\. A rollout from revision 3 to 4 is under way\.$/,
  )
  expect(decisionWords(record([250, 250], { paused: true }))).toMatch(/Paused: would scale from 2 to 5\.$/)
})

test('reports missing readings, and a count out of bounds', () => {
  expect(decisionWords(record([null, null]))).toMatch(/^No readings: .*websocket_connections_active.* Staying at 2\.$/)
  expect(decisionWords(record([1]))).toBe('Fewer than minReplicas: scaling from 1 to 2.')
  expect(decisionWords(record(Array.from({ length: 11 }, () => 1)))).toBe('More than maxReplicas: scaling from 11 to 10.')
})
