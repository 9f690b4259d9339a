/** A decision of the scaler in one sentence, for the page. Pure. */
import type { MetricReport } from '../../scaler/src/core/decision.ts'
import type { TickRecord } from '../../scaler/src/record.ts'

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

/** What was decided and why, as in "250 connections for each replica, target 100: wants 5, limited to 4 by the policies". */
export function decisionWords({ decision, action, paused }: TickRecord): string {
  const { currentReplicas, winner, recommendation, stabilized, policyLimited, bounded, scaleTo } = decision
  if (currentReplicas === null) return 'The replicas cannot be read; nothing is changed.'
  const report = winner === null ? undefined : decision.metrics[winner]
  if (report?.reasoning == null) {
    const failure = decision.metrics.find(({ failure }) => failure !== null)?.failure
    return failure ? `Blind: ${failure.message}. Keeping ${plural(currentReplicas, 'replica')}.` : decisionByBounds(decision.path, scaleTo)
  }
  const steps = [`${measured(report)}: asks for ${recommendation ?? currentReplicas}`]
  if (report.reasoning.kept === 'WithinTolerance') steps.push('within the tolerance')
  if (stabilized !== null && stabilized !== recommendation) steps.push(`the stabilization window says ${stabilized}`)
  if (policyLimited !== null && policyLimited !== stabilized) steps.push(`limited to ${policyLimited} by the policies`)
  if (bounded !== null && bounded !== policyLimited)
    steps.push(`limited to ${bounded} by ${bounded === decision.maxReplicas ? 'maxReplicas' : 'minReplicas'}`)
  const end =
    scaleTo === null
      ? `Staying at ${currentReplicas}.`
      : paused
        ? `Paused: would go to ${scaleTo}.`
        : doing(scaleTo, currentReplicas, action)
  return `${steps.join(', ')}. ${end}`
}

function doing(scaleTo: number, current: number, action: TickRecord['action']): string {
  const way = `${current} → ${scaleTo}`
  if (action === null) return `${way}.`
  return action.result === 'Succeeded' ? `${way}: done in ${action.durationSeconds.toFixed(1)} s.` : `${way}: ${action.result}.`
}

function decisionByBounds(path: TickRecord['decision']['path'], scaleTo: number | null): string {
  if (path === 'AboveMaxReplicas') return `More replicas than allowed: going to ${scaleTo}.`
  if (path === 'BelowMinReplicas') return `Fewer replicas than allowed: going to ${scaleTo}.`
  return path === 'ScalingDisabled' ? 'Scaling is off: there are no replicas.' : 'Nothing to do.'
}

function measured({ name, reasoning, target }: MetricReport): string {
  if (name === 'cpu' || name === 'memory') {
    return `${name} at ${reasoning?.current.averageUtilization ?? '?'} % of its request, target ${target.averageUtilization ?? '?'} %`
  }
  const milli = reasoning?.current.averageValueMilli
  const number = (value: number | undefined) => (value === undefined ? '?' : String(Math.round(value / 100) / 10))
  const what = name === 'websocket_connections_active' ? 'connections' : name
  return `${number(milli)} ${what} for each replica, target ${number(target.averageValueMilli)}`
}
