/** Describes a scaler decision in one or two sentences, for the live page and for reports. Pure. */
import { metrics } from '@lab/contract/metrics.ts'
import type { MetricReport } from '../core/decision.ts'
import type { TickRecord } from '../record.ts'
import { counted, rolloutWords } from './words.ts'

/**
 * Returns the decision and its reason, with the numbers from the HPA formula, such as "450 sockets / 3 replicas = 150 per replica; target
 * 100 → 5 replicas", and the outcome, such as "Scaled from 3 to 5 in 1.3 s".
 */
export function decisionWords(record: TickRecord): string {
  return `${decided(record)}${record.rollout === undefined ? '' : ` ${rolloutWords(record.rollout)}.`}`
}

function decided({ decision, action, paused, rollout }: TickRecord): string {
  const { currentReplicas, winner, recommendation, stabilized, policyLimited, bounded, scaleTo } = decision
  if (currentReplicas === null) return 'The replicas cannot be read. Nothing is changed.'
  const report = winner === null ? undefined : decision.metrics[winner]
  if (report?.reasoning == null) {
    const failure = decision.metrics.find(({ failure }) => failure !== null)?.failure
    return failure
      ? `No readings: ${failure.message}. Staying at ${currentReplicas}.`
      : decisionByBounds(decision.path, currentReplicas, scaleTo)
  }
  const { holdReason, tolerance, ratio } = report.reasoning
  const steps = [`${measured(report)} → ${counted(recommendation ?? currentReplicas, 'replica')}`]
  if (holdReason === 'WithinTolerance' && Math.ceil(ratio * currentReplicas) !== currentReplicas)
    steps.push(`within the tolerance of ${Math.round(100 * Math.max(tolerance.up, tolerance.down))} %`)
  if (stabilized !== null && stabilized !== recommendation) steps.push(`the stabilization window keeps ${stabilized} for now`)
  if (policyLimited !== null && policyLimited !== stabilized) steps.push(`the policies allow ${policyLimited} for now`)
  if (bounded !== null && bounded !== policyLimited)
    steps.push(`${bounded === decision.maxReplicas ? 'maxReplicas' : 'minReplicas'} is ${bounded}`)
  return `${steps.join(', ')}. ${ending(currentReplicas, scaleTo, paused, action, rollout)}`
}

function ending(
  current: number,
  scaleTo: number | null,
  paused: boolean,
  action: TickRecord['action'],
  rollout: TickRecord['rollout'],
): string {
  if (scaleTo === null) return `Staying at ${current}.`
  const way = `from ${current} to ${scaleTo}`
  if (paused) return `Paused: would scale ${way}.`
  if (action === null) return `Scaling ${way}.`
  if (action.result === 'Succeeded' && rollout !== undefined) return `Handed to the rollout: ${way}.`
  if (action.result === 'Succeeded') return `Scaled ${way} in ${action.durationSeconds.toFixed(1)} s.`
  return action.result === 'DryRun' ? `Dry run: would scale ${way}.` : `Scaling ${way}: ${action.result}.`
}

function decisionByBounds(path: TickRecord['decision']['path'], current: number, scaleTo: number | null): string {
  if (path === 'AboveMaxReplicas') return `More than maxReplicas: scaling from ${current} to ${scaleTo}.`
  if (path === 'BelowMinReplicas') return `Fewer than minReplicas: scaling from ${current} to ${scaleTo}.`
  return path === 'ScalingDisabled' ? 'Scaling is off: there are no replicas.' : 'Nothing to do.'
}

function measured({ name, reasoning, target }: MetricReport): string {
  if (name === 'cpu' || name === 'memory') {
    const now = reasoning?.current.averageUtilization ?? '?'
    return `${name === 'cpu' ? 'CPU' : name} at ${now} % of the request; target ${target.averageUtilization ?? '?'} %`
  }
  const milli = reasoning?.current.averageValueMilli
  const number = (value: number | undefined) => (value === undefined ? '?' : String(Math.round(value / 100) / 10))
  const what = name === metrics.connectionsActive.name ? 'sockets' : name
  const counting = reasoning?.pods?.readyCount
  const average = `${number(milli)}${counting ? '' : ` ${what}`} per replica`
  const division =
    counting && milli !== undefined ? `${Math.round((milli * counting) / 1000)} ${what} / ${counted(counting, 'replica')} = ` : ''
  return `${division}${average}; target ${number(target.averageValueMilli)}`
}
