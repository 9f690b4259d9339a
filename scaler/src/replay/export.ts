/**
 * Converts recorded syncs to a conformance case, which a program that runs Kubernetes' HPA controller can replay (conformance/FORMAT.md).
 * Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import { failure, type Result, success } from '@lab/contract/result.ts'
import { answerOf } from '../conformance/adapt.ts'
import type { CaseContainers, CaseHpa, CaseMetric, CasePod, CaseReadings, Scenario, ScenarioStep } from '../conformance/cases.ts'
import { differences } from '../conformance/compare.ts'
import { replayScenario } from '../conformance/replay.ts'
import { emptyMemory, type Memory, memoryAfterRestart, type ScaleChange } from '../core/decision.ts'
import {
  type HorizontalPodAutoscaler,
  type MetricSpec,
  type MetricTarget,
  type Observation,
  type Pod,
  type PodReadings,
  type ResourceAmounts,
  seriesKey,
} from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import type { SyncInput } from './load.ts'
import { followsFrom } from './verify.ts'

const perSecond = 1000
const ms = (seconds: number): number => Math.round(seconds * perSecond)

/** The fields of a case that do not come from the recording. */
export interface CaseInfo {
  readonly id: string
  readonly source: string
  /** Text of the HPA file. */
  readonly hpaYaml?: string
}

export interface ExportedLog {
  readonly scenario: Scenario
  /** Number of records in the log that were left out of the case. */
  readonly leftOut: number
}

/**
 * Converts a part of a decision log to a case: the longest part that the HPA controller can replay without interruption. Such a part ends
 * before a scaling decision that was not carried out because of a pause or a dry run. It also ends before a change to the autoscaler's name
 * or namespace, the time scale or the controller options. Fails if the replayed case differs from the recording.
 */
export function scenarioOfLog(records: readonly TickRecord[], info: CaseInfo): Result<ExportedLog> {
  const part = longestPart(records)
  const [oldest] = part.records
  if (oldest === undefined) return failure('the log has no decision that the scaler carried out')
  const steps: Recorded[] = []
  let { memory } = part
  for (const record of part.records) {
    const restart = !followsFrom(record, memory)
    if (restart && !followsFrom(record, memoryAfterRestart(memory)))
      return failure(`the decision of ${record.time} does not follow from the record before it: ./lab scaler replay --verify`)
    steps.push({ ...record, restart })
    memory = record.memory
  }
  const scenario = scenarioOf(steps, oldest, { ...info, initial: initialOf(part.memory) })
  const [difference] = differences(scenario, replayScenario(scenario))
  if (difference === undefined) return success({ scenario, leftOut: records.length - steps.length })
  const { level, t, want, got } = difference
  return failure(
    `the case cannot contain the recording: at ${t} ms, ${level} was ${JSON.stringify(want)} and would be ${JSON.stringify(got)}; a case distinguishes metrics by name only`,
  )
}

/** Converts observations without recorded decisions to a case; the case has no expected results. */
export function scenarioOfLoad(inputs: readonly SyncInput[], hpa: HorizontalPodAutoscaler, info: CaseInfo): Result<Scenario> {
  const [oldest] = inputs
  if (oldest === undefined) return failure('the recording has no observation')
  const steps = inputs.map(({ observation }) => ({ observation, hpa, restart: false }))
  return success(scenarioOf(steps, { ...oldest, hpa }, info))
}

interface LogPart {
  readonly records: readonly TickRecord[]
  /** The scaler's remembered state before the first record of this part of the log. */
  readonly memory: Memory
}

function longestPart(records: readonly TickRecord[]): LogPart {
  const parts: { records: TickRecord[]; memory: Memory }[] = []
  for (const [i, record] of records.entries()) {
    const before = records[i - 1]
    const continued = before !== undefined && isContinued(record, before)
    if (!isCarriedOut(record)) continue
    const part = continued && isCarriedOut(before) ? parts.at(-1) : undefined
    if (part !== undefined) part.records.push(record)
    else if (continued || canBegin(record)) parts.push({ records: [record], memory: continued ? before.memory : emptyMemory })
    // If the scaler's remembered state before this record is unknown, the part to export begins with the next record.
    else parts.push({ records: [], memory: record.memory })
  }
  return parts.reduce<LogPart>((longest, part) => (part.records.length >= longest.records.length ? part : longest), {
    records: [],
    memory: emptyMemory,
  })
}

/** Whether the record may be the first decision of a new autoscaler. */
function canBegin(record: TickRecord): boolean {
  return followsFrom(record, emptyMemory)
}

/** Returns false if the scaler decided on a change but did not attempt it because of a pause or a dry run. */
function isCarriedOut({ decision }: TickRecord): boolean {
  return decision.rescale !== 'Pending'
}

function isContinued(record: TickRecord, before: TickRecord): boolean {
  const settings = ({ hpa, timeScale, options }: TickRecord) => [hpa.namespace, hpa.name, timeScale, options]
  return isDeepStrictEqual(settings(record), settings(before))
}

interface Recorded {
  readonly observation: Observation
  readonly hpa: HorizontalPodAutoscaler
  /** Whether the scaler was restarted before this sync and had lost its remembered recommendations and scale changes. */
  readonly restart: boolean
  readonly decision?: TickRecord['decision']
}

function scenarioOf(
  steps: readonly Recorded[],
  { hpa, options, observation }: SyncInput & { hpa: HorizontalPodAutoscaler },
  info: CaseInfo & { initial?: Scenario['initial'] },
): Scenario {
  const { featureGates, ...controller } = options
  const containers = observation.pods.map(containersOf).find((list) => list.length > 0) ?? []
  return {
    ...info,
    unit: 'ms',
    hpa: caseHpaOf(hpa),
    controller,
    featureGates,
    containers,
    steps: steps.map((step, i) => {
      const before = i === 0 ? hpa : (steps[i - 1]?.hpa ?? hpa)
      return stepOf(step, containers, !isDeepStrictEqual(step.hpa, before))
    }),
  }
}

function stepOf({ observation, hpa, restart, decision }: Recorded, containers: CaseContainers, isNewHpa: boolean): ScenarioStep {
  const { timeSeconds, scale, pods, orphans = [] } = observation
  return {
    t: ms(timeSeconds),
    ...(restart && { restart }),
    ...(isNewHpa && { hpa: caseHpaOf(hpa) }),
    ...('error' in scale ? { scaleGetFails: true } : scale),
    pods: pods.map((pod) => casePodOf(pod, hpa, containers)),
    ...(orphans.length > 0 && { orphans: orphans.map((orphan) => caseReadingsOf(orphan, hpa)) }),
    objectValues: byName(hpa, 'Object', observation.objectValuesMilli),
    externalValues: byName(hpa, 'External', mutable(observation.externalValuesMilli)),
    ...(decision && {
      ...(decision.rescale === 'Failed' && { scaleUpdateFails: true }),
      expected: answerOf(decision, perSecond),
    }),
  }
}

function mutable(values: Observation['externalValuesMilli']): Record<string, number[]> {
  return Object.fromEntries(Object.entries(values).map(([key, list]) => [key, [...list]]))
}

/** Returns the values of all metrics of a type, keyed by metric name instead of seriesKey. */
function byName<T>(
  hpa: HorizontalPodAutoscaler,
  type: 'Pods' | 'Object' | 'External',
  values: Readonly<Record<string, T>>,
): Record<string, T> {
  return Object.fromEntries(
    hpa.metrics.flatMap((metric) => {
      if (metric.type !== type) return []
      const value = values[seriesKey(metric)]
      return value === undefined ? [] : [[metric.metric.name, value]]
    }),
  )
}

function casePodOf(pod: Pod, hpa: HorizontalPodAutoscaler, shared: CaseContainers): CasePod {
  const containers = containersOf(pod)
  return {
    ...caseReadingsOf(pod, hpa),
    phase: pod.phase,
    deleting: pod.deleting,
    startTime: pod.startTimeSeconds === null ? null : ms(pod.startTimeSeconds),
    ready: pod.ready && { status: pod.ready.status, since: ms(pod.ready.sinceSeconds) },
    ...(!isDeepStrictEqual(containers, shared) && { containers }),
  }
}

function caseReadingsOf({ name, sample, valuesMilli }: PodReadings, hpa: HorizontalPodAutoscaler): CaseReadings {
  return {
    name,
    sample: sample && {
      time: ms(sample.timeSeconds),
      window: ms(sample.windowSeconds),
      usage: Object.fromEntries(Object.entries(sample.usageMilli).map(([container, milli]) => [container, resourceAmounts(milli)])),
    },
    values: byName(hpa, 'Pods', valuesMilli),
  }
}

function containersOf({ containers }: Pod): CaseContainers {
  return containers.map(({ name, requestsMilli }) => ({ name, requests: resourceAmounts(requestsMilli) }))
}

/** Converts thousandths to the units of a case: bytes for memory, and thousandths for every other resource. */
function resourceAmounts(milli: ResourceAmounts): Record<string, number> {
  return Object.fromEntries(Object.entries(milli).map(([name, amount]) => [name, inCaseUnit(name, amount)]))
}

function inCaseUnit(resource: string, milli: number): number {
  return resource === 'memory' ? Math.trunc(milli / 1000) : milli
}

function caseHpaOf({ minReplicas, maxReplicas, metrics, behavior }: HorizontalPodAutoscaler): CaseHpa {
  const rules = (direction: NonNullable<typeof behavior>['scaleUp']) => ({
    ...direction,
    policies: direction.policies.map((policy) => ({ ...policy })),
  })
  return {
    minReplicas,
    maxReplicas,
    metrics: metrics.map(caseMetricOf),
    ...(behavior && { behavior: { scaleUp: rules(behavior.scaleUp), scaleDown: rules(behavior.scaleDown) } }),
  }
}

function caseMetricOf(metric: MetricSpec): CaseMetric {
  const resource = metric.type === 'Resource' || metric.type === 'ContainerResource' ? metric.name : undefined
  return {
    type: metric.type,
    name: 'metric' in metric ? metric.metric.name : metric.name,
    ...('container' in metric && { container: metric.container }),
    ...('describedObject' in metric && { describedObject: metric.describedObject }),
    target: caseTargetOf(metric.target, resource),
  }
}

function caseTargetOf({ type, averageUtilization, averageValueMilli, valueMilli }: MetricTarget, resource = ''): CaseMetric['target'] {
  return {
    type,
    ...(averageUtilization !== undefined && { averageUtilization }),
    ...(averageValueMilli !== undefined && { averageValue: inCaseUnit(resource, averageValueMilli) }),
    ...(valueMilli !== undefined && { value: inCaseUnit(resource, valueMilli) }),
  }
}

function initialOf({ recommendations, scaleUps, scaleDowns, status }: Memory): Scenario['initial'] {
  const changes = (list: readonly ScaleChange[]) => list.map(({ timeSeconds, ...rest }) => ({ t: ms(timeSeconds), ...rest }))
  return {
    desiredReplicas: status.desiredReplicas,
    conditions: status.conditions.map(({ sinceSeconds, ...condition }) => ({ ...condition, since: ms(sinceSeconds) })),
    ...(recommendations && { recommendations: recommendations.map(({ timeSeconds, replicas }) => ({ t: ms(timeSeconds), replicas })) }),
    scaleUpEvents: changes(scaleUps),
    scaleDownEvents: changes(scaleDowns),
    lastScaleTime: status.lastScaleTimeSeconds === null ? null : ms(status.lastScaleTimeSeconds),
  }
}
