/** Current value and target of a metric, in the format of `kubectl get` and `kubectl describe`. */
import type { MetricCurrent } from '../core/decision.ts'
import type { MetricSpec } from '../core/types.ts'
import { quantityText, targetText } from './words.ts'

const unknown = '<unknown>'

export interface TargetTexts {
  readonly current: string
  readonly target: string
  /** Whether a metric with one value for all replicas is compared as an average, that is, its value divided by the number of replicas. */
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

/** Returns the content of the column TARGETS: the first two metrics, and the number of further metrics. */
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
