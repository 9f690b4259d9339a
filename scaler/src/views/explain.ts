/** `explain`: how each decision came about, step by step. What kubectl cannot tell. */
import { limitMessages } from '../core/conditions.ts'
import type { Decision, DecisionPath, MetricReasoning, MetricReport, PodGroups } from '../core/decision.ts'
import type { HorizontalPodAutoscaler } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import { getStyle, tabulate } from './tabulate.ts'
import { targetTexts } from './targets.ts'
import { metricName, noteLines, notes } from './view.ts'
import { counted, ratioText } from './words.ts'

/** Makes a text stand out; the plain one leaves it as it is. */
export type Paint = (style: 'bold' | 'dim', text: string) => string
const plain: Paint = (_style, text) => text

/** One block per decision, oldest first, with an empty line between them. */
export function explainText(records: readonly TickRecord[], paint: Paint = plain): string {
  return records.map((record) => block(record, paint)).join('\n')
}

/** The same as data: one JSON document. */
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
    const verdict = report.reasoning ? reasoningCells(report.reasoning) : ['', '', '', `failed: ${failureText(report)}`]
    const winner = decision.winner === i ? ' (wins)' : ''
    return `  ${[metricName(metric), report.type, current, target, ...verdict].join('\t')}${winner}`
  })
  return tabulate(['  METRIC\tTYPE\tCURRENT\tTARGET\tRATIO\tTOLERANCE\tPODS\tPROPOSAL', ...rows].join('\n'), getStyle)
}

function failureText({ failure }: MetricReport): string {
  return failure === null ? 'without a reason' : `${failure.reason}: ${failure.message}`
}

function reasoningCells(reasoning: MetricReasoning): string[] {
  const { ratio, cautiousRatio, pods, proposal } = reasoning
  const guessed = cautiousRatio === null ? '' : ` (cautiously ${ratioText(cautiousRatio)})`
  return [`${ratioText(ratio)}${guessed}`, toleranceText(reasoning), pods === null ? '-' : podsText(pods), proposal.toString()]
}

/** Where the ratio that counts lies, and why the count is kept if it is. */
function toleranceText({ ratio, cautiousRatio, tolerance, kept }: MetricReasoning): string {
  const low = ratioText(1 - tolerance.down)
  const high = ratioText(1 + tolerance.up)
  if (kept === 'DirectionWouldFlip') return 'kept: the guess for unknown pods would turn the direction'
  if (tolerance.within) return `within ${low}..${high}`
  return (cautiousRatio ?? ratio) > 1 ? `above ${high}` : `below ${low}`
}

function podsText({ readyCount, unready, missing, ignored }: PodGroups): string {
  const others = Object.entries({ unready, missing, ignored }).filter(([, names]) => names.length > 0)
  return [`${readyCount} counted`, ...others.map(([what, names]) => `${names.length} ${what} (${names.join(' ')})`)].join(', ')
}

type Row = readonly [name: string, value: string, why: string]

const pathTexts: Readonly<Record<Exclude<DecisionPath, 'Metrics'>, string>> = {
  ScaleUnreadable: 'the count could not be read, so nothing was decided',
  ScalingDisabled: 'the count is 0: somebody has switched the workload off',
  AboveMaxReplicas: 'the count is above maxReplicas, whatever the metrics say',
  BelowMinReplicas: 'the count is below minReplicas, whatever the metrics say',
  MetricsFailed: 'too many metrics failed to decide: the count is held',
}

function stepRows(record: TickRecord): Row[] {
  const { decision, changedByHand } = record
  const byHand: Row[] = changedByHand
    ? [['by hand', `${changedByHand.from} → ${changedByHand.to}`, 'somebody else changed the number of replicas']]
    : []
  const steps = decision.path === 'Metrics' ? pipelineRows(record) : [['path', decision.path, pathTexts[decision.path]] as const]
  const conditions = decision.conditions.map(({ type, status, reason, message }) => [type, status, `${reason}: ${message}`] as const)
  return [...byHand, ...steps, ['result', resultText(decision), actionText(record)], ...conditions]
}

function pipelineRows({ hpa, decision }: TickRecord): Row[] {
  const { recommendation, stabilized, policyLimited, bounded, boundBy } = decision
  const winner = decision.winner === null ? 'no metric' : (decision.metrics[decision.winner]?.description ?? 'a metric')
  const compared = (before: number | null, after: number | null, same: string, up: string, down: string): string => {
    if (before === null || after === null || before === after) return same
    return after > before ? up : down
  }
  return [
    ['recommendation', text(recommendation), `the largest proposal, from ${winner}`],
    [
      'stabilised',
      text(stabilized),
      compared(
        recommendation,
        stabilized,
        'no recent recommendation stands against it',
        'a recent recommendation was higher: the window holds the count up',
        'a recent recommendation was lower: the window holds the count down',
      ),
    ],
    [
      'policy-limited',
      text(policyLimited),
      compared(
        stabilized,
        policyLimited,
        'the policies allow it',
        'the policies allow no more to go at once',
        'the policies allow no more to come at once',
      ),
    ],
    [
      'bounded',
      text(bounded),
      compared(policyLimited, bounded, `within ${hpa.minReplicas}..${hpa.maxReplicas}`, 'raised to minReplicas', 'lowered to maxReplicas'),
    ],
    ['limit', boundBy ?? 'none', limitMessages[boundBy ?? 'DesiredWithinRange']],
  ]
}

function text(count: number | null): string {
  return count === null ? '-' : count.toString()
}

function resultText({ currentReplicas, scaleTo }: Decision): string {
  return scaleTo === null ? 'keep' : `${currentReplicas} → ${scaleTo}`
}

/** What came of it. */
function actionText({ decision, action, paused }: TickRecord): string {
  const reason = decision.rescaleReason === '' ? '' : `${decision.rescaleReason}; `
  if (action === null) {
    if (decision.scaleTo === null) return decision.path === 'Metrics' ? 'no change is due' : 'nothing was done'
    return `${reason}${paused ? 'not done: paused' : 'not done'}`
  }
  if (action.result === 'DryRun') return `${reason}not done: dry run`
  const removed = action.removed.length === 0 ? '' : `, removed ${action.removed.join(' ')}`
  const error = action.error === undefined ? '' : `: ${action.error}`
  return `${reason}${action.result} in ${action.durationSeconds.toFixed(1)} s${removed}${error}`
}
