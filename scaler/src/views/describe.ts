/** Formats the output of `describe hpa` in kubectl's layout. */
import type { HpaEvent } from '../core/decision.ts'
import type { HorizontalPodAutoscaler, MetricSpec, ScalingRules } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import { annotations } from './object.ts'
import { describeStyle, tabulate } from './tabulate.ts'
import { targetTexts } from './targets.ts'
import type { View } from './view.ts'
import { noteLines } from './view.ts'
import { humanDuration, quantityText } from './words.ts'

/** Kubernetes deletes events after an hour. */
const eventLifetimeMs = 3_600_000

/** Returns the complete description with a trailing newline. */
export function describeText(view: View, nowMs: number): string {
  const { hpa, newest, currentReplicas } = view
  const { conditions, desiredReplicas } = newest.decision
  const lines = [
    `Name:\t${hpa.name}`,
    `Namespace:\t${hpa.namespace}`,
    ...keyed(
      'Labels',
      Object.entries(hpa.labels ?? {}).map(([name, value]) => `${name}=${value}`),
    ),
    ...keyed(
      'Annotations',
      Object.entries(annotations(view)).map(([name, value]) => `${name}: ${value}`),
    ),
    `CreationTimestamp:\t${new Date(view.createdMs).toUTCString().replace('GMT', '+0000')}`,
    `Reference:\t${hpa.scaleTargetRef.kind}/${hpa.scaleTargetRef.name}`,
    'Metrics:\t( current / target )',
    ...hpa.metrics.map((metric, i) => metricLine(metric, view.reports[i]?.reasoning?.current)),
    `Min replicas:\t${hpa.minReplicas}`,
    `Max replicas:\t${hpa.maxReplicas}`,
    ...behaviorLines(hpa),
    `${hpa.scaleTargetRef.kind} pods:\t${currentReplicas} current / ${desiredReplicas} desired`,
    ...(conditions.length > 0 ? ['Conditions:', '  Type\tStatus\tReason\tMessage', '  ----\t------\t------\t-------'] : []),
    ...conditions.map(({ type, status, reason, message }) => `  ${type}\t${status}\t${reason}\t${message}`),
  ]
  return `${noteLines(newest)}${withEvents(lines, eventRows(view, nowMs))}\n`
}

/** Returns the lines of a section: the title with the first entry, then one line for each additional entry, sorted by name. */
function keyed(title: string, entries: readonly string[]): string[] {
  const [first = '<none>', ...more] = entries.toSorted()
  return [`${title}:\t${first}`, ...more.map((entry) => `\t${entry}`)]
}

/**
 * Adds the events to the description. If there are no events, the line `Events: <none>` is aligned with the preceding table, as in kubectl;
 * otherwise, the events form a separate table.
 */
function withEvents(lines: readonly string[], rows: readonly string[]): string {
  if (rows.length === 0) return tabulate([...lines, 'Events:\t<none>'].join('\n'), describeStyle)
  const events = ['Events:', '  Type\tReason\tAge\tFrom\tMessage', '  ----\t------\t----\t----\t-------', ...rows]
  return [lines, events].map((table) => tabulate(table.join('\n'), describeStyle)).join('\n')
}

type Current = Parameters<typeof targetTexts>[1]

function metricLine(metric: MetricSpec, current: Current): string {
  const texts = targetTexts(metric, current)
  const isUtilization = metric.target.averageValueMilli === undefined && metric.type.endsWith('Resource')
  // The utilization, followed by the average value in brackets.
  const used = current?.averageValueMilli
  const value = isUtilization && used !== undefined ? `${texts.current} (${quantityText(used)})` : texts.current
  return `  ${metricTitle(metric, isUtilization)}:\t${value} / ${texts.target}`
}

function metricTitle(metric: MetricSpec, isUtilization: boolean): string {
  const percentage = isUtilization ? '  (as a percentage of request)' : ''
  const share = metric.target.averageValueMilli === undefined ? '(target value)' : '(target average value)'
  switch (metric.type) {
    case 'Resource':
      return `resource ${metric.name} on pods${percentage}`
    case 'ContainerResource':
      return `resource ${metric.name} of container "${metric.container}" on pods${percentage}`
    case 'Pods':
      return `"${metric.metric.name}" on pods`
    case 'Object':
      return `"${metric.metric.name}" on ${metric.describedObject.kind}/${metric.describedObject.name} ${share}`
    case 'External':
      return `"${metric.metric.name}" ${share}`
  }
}

function behaviorLines({ behavior }: HorizontalPodAutoscaler): string[] {
  if (behavior === undefined) return []
  return ['Behavior:', ...directionLines('Scale Up', behavior.scaleUp), ...directionLines('Scale Down', behavior.scaleDown)]
}

function directionLines(title: string, { stabilizationWindowSeconds, selectPolicy, policies }: ScalingRules): string[] {
  const list = policies.map(({ type, value, periodSeconds }) => `      - Type: ${type}\tValue: ${value}\tPeriod: ${periodSeconds} seconds`)
  return [
    `  ${title}:`,
    ...(stabilizationWindowSeconds === undefined ? [] : [`    Stabilization Window: ${stabilizationWindowSeconds} seconds`]),
    ...(list.length === 0 ? [] : [`    Select Policy: ${selectPolicy}`, '    Policies:', ...list]),
  ]
}

interface CountedEvent extends HpaEvent {
  readonly from: string
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
}

/**
 * Returns the table rows for events, ordered by the last occurrence of each event. Identical events share one row, which shows how often
 * the event occurred.
 */
function eventRows({ records }: View, nowMs: number): string[] {
  const events = new Map<string, CountedEvent>()
  for (const record of records) {
    const ms = Date.parse(record.time)
    if (nowMs - ms > eventLifetimeMs) continue
    for (const event of eventsOf(record)) {
      const key = JSON.stringify([event.type, event.reason, event.message])
      const known = events.get(key)
      events.set(key, { ...event, count: (known?.count ?? 0) + 1, firstMs: known?.firstMs ?? ms, lastMs: ms })
    }
  }
  const byLast = [...events.values()].sort((a, b) => a.lastMs - b.lastMs)
  return byLast.map(({ type, reason, message, from, count, firstMs, lastMs }) => {
    const since = humanDuration(nowMs - lastMs)
    const age = count === 1 ? since : `${since} (x${count} over ${humanDuration(nowMs - firstMs)})`
    return `  ${type}\t${reason}\t${age}\t${from}\t${message}`
  })
}

/** Returns the events of a record: first the scaler's own events, which do not exist in Kubernetes, then the autoscaler's events. */
function eventsOf({ decision, changedByHand, refusedFiles }: TickRecord): (HpaEvent & { readonly from: string })[] {
  const own: HpaEvent[] = []
  if (changedByHand) {
    const message = `Another client changed the number of replicas from ${changedByHand.from} to ${changedByHand.to}`
    own.push({ type: 'Normal', reason: 'ScaledByHand', message })
  }
  if (refusedFiles !== undefined) own.push({ type: 'Warning', reason: 'FilesRefused', message: refusedFiles })
  return [
    ...own.map((event) => ({ ...event, from: 'scaler' })),
    ...decision.events.map((event) => ({ ...event, from: 'horizontal-pod-autoscaler' })),
  ]
}
