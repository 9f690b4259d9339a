/** Provides records for the view tests, with a sample for each situation that a view must display. */
import type { RescaleOutcome } from '../core/decide.ts'
import { decide, recordRescale } from '../core/decide.ts'
import { emptyMemory } from '../core/decision.ts'
import type { HorizontalPodAutoscaler } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import { simulatedRecords } from '../sim/records.ts'
import { simulations } from '../sim/scenarios.ts'

/** Returns the records of a simulation. @param change settings to replace */
export function simulated(name: string, change: Partial<HorizontalPodAutoscaler> = {}): TickRecord[] {
  const simulation = simulations[name]
  if (simulation === undefined) throw new Error(`no simulation ${name}`)
  return simulatedRecords({ ...simulation, hpa: { ...simulation.hpa, ...change } })
}

const perPod = simulations.surge?.hpa.metrics ?? []
/**
 * An HPA's metrics, with at least one of every type. The simulated lab has only per-pod metrics, so metrics of other types cannot be read.
 */
const everyMetric: HorizontalPodAutoscaler['metrics'] = [
  ...perPod,
  { type: 'ContainerResource', name: 'cpu', container: 'ws', target: { type: 'AverageValue', averageValueMilli: 350 } },
  { type: 'Resource', name: 'memory', target: { type: 'AverageValue', averageValueMilli: 256 * 2 ** 20 * 1000 } },
  {
    type: 'Object',
    metric: { name: 'requests', selector: { matchLabels: { verb: 'GET' } } },
    describedObject: { apiVersion: 'v1', kind: 'Service', name: 'ws' },
    target: { type: 'Value', valueMilli: 2_000_000 },
  },
  { type: 'External', metric: { name: 'queue' }, target: { type: 'AverageValue', averageValueMilli: 30_500 } },
]

/**
 * Returns the records of the `surge` simulation up to its first scaling action. Replaces the observation or the outcome in the last record.
 */
function surgeThen(change: Partial<TickRecord>, outcome: RescaleOutcome | null = null): TickRecord[] {
  const records = simulated('surge').slice(0, 6)
  const last = records.pop()
  if (last === undefined) throw new Error('no records')
  const { hpa, options, observation } = { ...last, ...change }
  const step = decide(hpa, options, observation, records.at(-1)?.memory ?? emptyMemory)
  const { decision, memory } = outcome === null ? step : recordRescale(hpa, options, step, outcome)
  return [...records, { ...last, action: null, ...change, decision, memory }]
}

const noAnswer = 'Docker did not answer within 30 s'

/** Sample records, keyed by the situation that they represent. */
export const samples: Readonly<Record<string, readonly TickRecord[]>> = {
  steady: simulated('steady').slice(0, 3),
  'scaled-up': simulated('surge').slice(0, 8),
  'scaling-down': simulated('surge').slice(0, 38),
  blind: simulated('blind').slice(0, 9),
  'missing-samples': simulated('lag').slice(0, 10),
  'no-behavior': simulated('no-behavior').slice(0, 7),
  'every-metric': simulated('surge', { metrics: everyMetric }).slice(0, 6),
  'above-max': simulated('steady', { minReplicas: 1, maxReplicas: 1 }).slice(0, 1),
  compressed: simulated('surge')
    .slice(0, 7)
    .map((record) => ({ ...record, timeScale: 10 })),
  paused: surgeThen({ paused: true }),
  'dry-run': surgeThen({ action: { from: 2, to: 6, result: 'DryRun', durationSeconds: 0, removed: [] } }),
  'failed-action': surgeThen(
    { action: { from: 2, to: 6, result: 'Failed', durationSeconds: 30, removed: [], error: noAnswer } },
    { error: noAnswer },
  ),
  'by-hand': surgeThen({ changedByHand: { from: 3, to: 2 } }),
  rollout: surgeThen(
    { rollout: { from: 1, to: 2 }, action: { from: 2, to: 6, result: 'Succeeded', durationSeconds: 0, removed: [] } },
    { ok: true },
  ),
  labelled: simulated('steady', { labels: { tier: 'edge', app: 'ws' } }).slice(0, 1),
  'files-refused': surgeThen({
    refusedFiles: 'scaler/hpa.yaml:14:3: spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`',
  }),
  unreadable: surgeThen({
    observation: { timeSeconds: 75, scale: { error: 'no such service' }, pods: [], objectValuesMilli: {}, externalValuesMilli: {} },
  }),
}
