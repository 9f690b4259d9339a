/** Formats a metric's current value and target as `kubectl get` and `kubectl describe` do. */
import type { MetricCurrent } from '../core/decision.ts'
import type { MetricSpec } from '../core/types.ts'
import { quantityText, targetText } from './words.ts'

const unknown = '<unknown>'

export interface TargetTexts {
  readonly current: string
  readonly target: string
  /** Whether a value that covers all replicas is divided by the number of replicas before it is compared with the target. */
  readonly isShare: boolean
}

/** Returns the texts. @param current the current value; undefined if the metric could not be read or was not evaluated */
export function targetTexts({ type, target }: MetricSpec, current: MetricCurrent | undefined): TargetTexts {
  const isWhole = type === 'Object' || type === 'External'
  if (target.averageValueMilli !== undefined) {
    return { current: amount(current?.averageValueMilli), target: targetText(target.averageValueMilli), isShare: isWhole }
  }
  if (isWhole) return { current: amount(current?.valueMilli), target: targetText(target.valueMilli ?? 0), isShare: false }
  const percent = current?.averageUtilization
  return {
    current: percent === undefined ? unknown : `${percent}%`,
    target: target.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`,
    isShare: false,
  }
}

function amount(milli: number | undefined): string {
  return milli === undefined ? unknown : quantityText(milli)
}

/** Returns the content of the TARGETS column: the first two metrics, and the number of additional metrics. */
export function targetsColumn(metrics: readonly MetricSpec[], currents: readonly (MetricCurrent | undefined)[]): string {
  const texts = metrics.map((metric, i) => {
    const { current, target, isShare } = targetTexts(metric, currents[i])
    const name = metric.type === 'Resource' || metric.type === 'ContainerResource' ? `${metric.name}: ` : ''
    return `${name}${current}/${target}${isShare ? ' (avg)' : ''}`
  })
  if (texts.length === 0) return '<none>'
  const shown = texts.slice(0, 2).join(', ')
  return texts.length > 2 ? `${shown} + ${texts.length - 2} more...` : shown
}
