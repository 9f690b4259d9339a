/** Formats the output of `explain`: the steps of each decision, which kubectl cannot show. */
import { limitMessages } from '../core/conditions.ts'
import type { Decision, DecisionPath, MetricReasoning, MetricReport, PodGroups } from '../core/decision.ts'
import type { HorizontalPodAutoscaler } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import { getStyle, tabulate } from './tabulate.ts'
import { targetTexts } from './targets.ts'
import { metricName, noteLines, notes } from './view.ts'
import { counted, ratioText } from './words.ts'

/** Styles a string for a terminal. The default style returns the string unchanged. */
export type Paint = (style: 'bold' | 'dim', text: string) => string
const plain: Paint = (_style, text) => text

/** Returns a block of text per decision, oldest first, separated by empty lines. */
export function explainText(records: readonly TickRecord[], paint: Paint = plain): string {
  return records.map((record) => block(record, paint)).join('\n')
}

/** Returns the decisions, with their steps and notes, as a JSON document. */
export function explainJson(records: readonly TickRecord[]): string {
  const entries = records.map((record) => {
    const { time, hpa, timeScale, paused, changedByHand = null, decision, action } = record
    return { time, namespace: hpa.namespace, name: hpa.name, timeScale, paused, notes: notes(record), changedByHand, decision, action }
  })
  return `${JSON.stringify(entries, null, 2)}\n`
}

function block(record: TickRecord, paint: Paint): string {
  const { time, hpa, decision } = record
  const current = decision.currentReplicas
  const change = decision.scaleTo === null ? 'nothing to do' : `scale to ${decision.scaleTo}`
  const title = `${time}  ${hpa.namespace}/${hpa.name}  ${current === null ? 'unknown count' : counted(current, 'replica')}: ${change}`
  const steps = stepRows(record).map(([name, value, why]) => `  ${name}\t${value}\t${why}`)
  return [
    `${noteLines(record)}${paint('bold', title)}`,
    ...(decision.metrics.length === 0 ? [] : [metricsTable(hpa, decision)]),
    tabulate(steps.join('\n'), getStyle),
    '',
  ].join('\n')
}

function metricsTable(hpa: HorizontalPodAutoscaler, decision: Decision): string {
  const rows = decision.metrics.map((report, i) => {
    const metric = hpa.metrics[i]
    if (metric === undefined) return `  ${report.name}\t${report.type}`
    const { current, target } = targetTexts(metric, report.reasoning?.current)
    const cells = report.reasoning ? reasoningCells(report.reasoning) : ['', '', '', `failed: ${failureText(report)}`]
    const winner = decision.winner === i ? ' (wins)' : ''
    return `  ${[metricName(metric), report.type, current, target, ...cells].join('\t')}${winner}`
  })
  return tabulate(['  METRIC\tTYPE\tCURRENT\tTARGET\tRATIO\tTOLERANCE\tPODS\tPROPOSAL', ...rows].join('\n'), getStyle)
}

function failureText({ failure }: MetricReport): string {
  return failure === null ? 'no reason recorded' : `${failure.reason}: ${failure.message}`
}

function reasoningCells(reasoning: MetricReasoning): string[] {
  const { ratio, cautiousRatio, pods, proposal } = reasoning
  const guessed = cautiousRatio === null ? '' : ` (cautiously ${ratioText(cautiousRatio)})`
  return [`${ratioText(ratio)}${guessed}`, toleranceText(reasoning), pods === null ? '-' : podsText(pods), proposal.toString()]
}

/** Returns how the ratio compares with the tolerance, or why the metric proposes no change. */
function toleranceText({ ratio, cautiousRatio, tolerance, holdReason }: MetricReasoning): string {
  const low = ratioText(1 - tolerance.down)
  const high = ratioText(1 + tolerance.up)
  if (holdReason === 'DirectionWouldFlip') return 'no change: the values assumed for other pods would reverse the direction'
  if (tolerance.within) return `within ${low}..${high}`
  return (cautiousRatio ?? ratio) > 1 ? `above ${high}` : `below ${low}`
}

function podsText({ readyCount, unready, missing, ignored }: PodGroups): string {
  const others = Object.entries({ unready, missing, ignored }).filter(([, names]) => names.length > 0)
  return [`${readyCount} counted`, ...others.map(([what, names]) => `${names.length} ${what} (${names.join(' ')})`)].join(', ')
}

type Row = readonly [name: string, value: string, why: string]

const pathTexts: Readonly<Record<Exclude<DecisionPath, 'Metrics'>, string>> = {
  ScaleUnreadable: 'the count could not be read, so there is no decision',
  ScalingDisabled: 'the count is 0, which disables autoscaling',
  AboveMaxReplicas: 'the count is above maxReplicas, so the metrics are not evaluated',
  BelowMinReplicas: 'the count is below minReplicas, so the metrics are not evaluated',
  MetricsFailed: 'too many metrics failed, so the count does not change',
}

function stepRows(record: TickRecord): Row[] {
  const { decision, changedByHand } = record
  const byHand: Row[] = changedByHand
    ? [['by hand', `${changedByHand.from} → ${changedByHand.to}`, 'another client changed the number of replicas']]
    : []
  const steps = decision.path === 'Metrics' ? pipelineRows(record) : [['path', decision.path, pathTexts[decision.path]] as const]
  const conditions = decision.conditions.map(({ type, status, reason, message }) => [type, status, `${reason}: ${message}`] as const)
  return [...byHand, ...steps, ['result', resultText(decision), actionText(record)], ...conditions]
}

function pipelineRows({ hpa, decision }: TickRecord): Row[] {
  const { recommendation, stabilized, policyLimited, bounded, boundBy } = decision
  const winner = decision.winner === null ? 'no metric' : (decision.metrics[decision.winner]?.description ?? 'a metric')
  return [
    ['recommendation', text(recommendation), `the largest proposal, from ${winner}`],
    [
      'stabilised',
      text(stabilized),
      compared(recommendation, stabilized, {
        same: 'the recent recommendations allow it',
        raised: 'raised to a higher recommendation within the stabilization window',
        lowered: 'lowered to a lower recommendation within the stabilization window',
      }),
    ],
    [
      'policy-limited',
      text(policyLimited),
      compared(stabilized, policyLimited, {
        same: 'the policies allow it',
        raised: 'the policies do not allow a larger decrease at present',
        lowered: 'the policies do not allow a larger increase at present',
      }),
    ],
    [
      'bounded',
      text(bounded),
      compared(policyLimited, bounded, {
        same: `within ${hpa.minReplicas}..${hpa.maxReplicas}`,
        raised: 'raised to minReplicas',
        lowered: 'lowered to maxReplicas',
      }),
    ],
    ['limit', boundBy ?? 'none', limitMessages[boundBy ?? 'DesiredWithinRange']],
  ]
}

/**
 * Returns the explanation that applies to a step, depending on whether it raised or lowered the number of replicas, or left it unchanged.
 */
function compared(before: number | null, after: number | null, reasons: Readonly<Record<'same' | 'raised' | 'lowered', string>>): string {
  if (before === null || after === null || before === after) return reasons.same
  return after > before ? reasons.raised : reasons.lowered
}

function text(count: number | null): string {
  return count === null ? '-' : count.toString()
}

function resultText({ currentReplicas, scaleTo }: Decision): string {
  return scaleTo === null ? 'keep' : `${currentReplicas} → ${scaleTo}`
}

/** Describes the result of a decision in words. */
function actionText({ decision, action, paused }: TickRecord): string {
  const reason = decision.rescaleReason === '' ? '' : `${decision.rescaleReason}; `
  if (action === null) {
    if (decision.scaleTo === null) return decision.path === 'Metrics' ? 'no change is needed' : 'no action'
    return `${reason}${paused ? 'not done: paused' : 'not done'}`
  }
  if (action.result === 'DryRun') return `${reason}not done: dry run`
  const removed = action.removed.length === 0 ? '' : `, removed ${action.removed.join(' ')}`
  const error = action.error === undefined ? '' : `: ${action.error}`
  return `${reason}${action.result} in ${action.durationSeconds.toFixed(1)} s${removed}${error}`
}
