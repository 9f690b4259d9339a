/** Converts between the format of the conformance files and the types of the engine. */
import { z } from 'zod'
import type { Decision, Memory, MetricReport } from '../core/decision.ts'
import type {
  ControllerOptions,
  FeatureGates,
  HorizontalPodAutoscaler,
  Observation,
  Pod,
  PodReadings,
  ResourceAmounts,
} from '../core/types.ts'
import { defaultControllerOptions, defaultFeatureGates, seriesKey } from '../core/types.ts'
import { readHpa } from '../manifest/read.ts'
import { toHpa } from '../manifest/to-hpa.ts'
import type { V2Document } from '../manifest/v2.ts'
import { v2Schema } from '../manifest/v2.ts'
import { sourceFieldOf } from '../manifest/validate.ts'
import type { Answer, CaseContainers, CaseHpa, CaseMetric, CasePod, CaseReadings, MetricAnswer, Scenario, ScenarioStep } from './cases.ts'
import { InputError } from './cases.ts'

export function gatesOf(gates: Scenario['featureGates']): FeatureGates {
  return {
    HPAScaleToZero: gates?.HPAScaleToZero ?? defaultFeatureGates.HPAScaleToZero,
    HPAConfigurableTolerance: gates?.HPAConfigurableTolerance ?? defaultFeatureGates.HPAConfigurableTolerance,
  }
}

export function optionsOf({ controller, featureGates }: Scenario): ControllerOptions {
  const syncPeriodSeconds = controller.syncPeriodSeconds ?? defaultControllerOptions.syncPeriodSeconds
  return { ...controller, syncPeriodSeconds, featureGates: gatesOf(featureGates) }
}

/** Converts the specification of a case to an autoscaling/v2 document, or returns the errors of its schema. */
export function parseDocument(hpa: CaseHpa): z.ZodSafeParseResult<V2Document> {
  return v2Schema.safeParse({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'case' },
    spec: { ...hpa, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'case' }, metrics: hpa.metrics?.map(v2Metric) },
  })
}

/**
 * Returns the autoscaler in the YAML document of a scenario or a step.
 * @throws InputError when the API server would refuse the document
 */
export function hpaOfYaml(yaml: string, { id, featureGates }: Scenario): HorizontalPodAutoscaler {
  const read = readHpa(yaml, `hpaYaml of ${id}`, gatesOf(featureGates))
  if (!read.ok) throw new InputError(read.problems.join('; '))
  return read.value
}

/** Converts the specification of a case for the engine. @throws InputError when the specification does not match the schema */
export function hpaOf(hpa: CaseHpa): HorizontalPodAutoscaler {
  const { data, error } = parseDocument(hpa)
  if (data === undefined) throw new InputError(`specification does not match the schema: ${z.prettifyError(error)}`)
  return toHpa(data)
}

function v2Metric({ type, name, container, describedObject, target }: CaseMetric): unknown {
  const source = sourceFieldOf(type ?? '')
  if (source === null) return { type }
  const isResource = source === 'resource' || source === 'containerResource'
  const unit = isResource && name === 'memory' ? '' : 'm'
  const quantity = (amount: number | null | undefined): string | undefined => (amount == null ? undefined : `${amount}${unit}`)
  const v2Target = target && { ...target, averageValue: quantity(target.averageValue), value: quantity(target.value) }
  const identity = isResource ? { name } : { metric: { name } }
  const sourceFields = {
    ...identity,
    ...(container != null && { container }),
    ...(describedObject && { describedObject }),
    target: v2Target,
  }
  return { type, [source]: sourceFields }
}

/** Converts memory from bytes to thousandths. All other amounts are in thousandths already. */
function milliOfResource(amounts: Readonly<Record<string, number | bigint>> | null | undefined): ResourceAmounts {
  return Object.fromEntries(
    Object.entries(amounts ?? {}).map(([name, amount]) => [
      name,
      engineAmount(name === 'memory' ? BigInt(amount) * 1000n : BigInt(amount)),
    ]),
  )
}

/**
 * Returns an amount for the engine. If a double cannot represent it, the result is a bigint. The types of the engine allow only numbers,
 * because observations are stored as JSON, but the engine converts each amount to a bigint before it calculates.
 */
function engineAmount(milli: bigint): number {
  return BigInt(Number(milli)) === milli ? Number(milli) : (milli as unknown as number)
}

/** Returns the number of time units of a scenario per second. The times of a scenario are whole seconds or whole milliseconds. */
export function unitsPerSecond({ unit }: Pick<Scenario, 'unit'>): number {
  return unit === 'ms' ? 1000 : 1
}

function readingsOf({ name, sample, values }: CaseReadings, perSecond: number): PodReadings {
  return {
    name,
    sample: sample
      ? {
          timeSeconds: sample.time / perSecond,
          windowSeconds: sample.window / perSecond,
          usageMilli: Object.fromEntries(
            Object.entries(sample.usage ?? {}).map(([container, usage]) => [container, milliOfResource(usage)]),
          ),
        }
      : null,
    valuesMilli: values ?? {},
  }
}

export function podOf(pod: CasePod, containers: CaseContainers, perSecond = 1): Pod {
  return {
    ...readingsOf(pod, perSecond),
    phase: pod.phase ?? 'Running',
    deleting: pod.deleting ?? false,
    startTimeSeconds: pod.startTime == null ? null : pod.startTime / perSecond,
    ready: pod.ready ? { status: pod.ready.status, sinceSeconds: pod.ready.since / perSecond } : null,
    containers: (pod.containers ?? containers).map(({ name, requests }) => ({ name, requestsMilli: milliOfResource(requests) })),
  }
}

export function observationOf(step: ScenarioStep, hpa: HorizontalPodAutoscaler, scenario: Scenario): Observation {
  const perSecond = unitsPerSecond(scenario)
  const named = <T>(type: 'Object' | 'External', values: Readonly<Record<string, T | null>> | null | undefined): Record<string, T> =>
    Object.fromEntries(
      hpa.metrics.flatMap((metric) => {
        const value = metric.type === type ? values?.[metric.metric.name] : undefined
        return value == null ? [] : [[seriesKey(metric), value]]
      }),
    )
  return {
    timeSeconds: step.t / perSecond,
    scale: step.scaleGetFails
      ? { error: 'the scale subresource is unavailable' }
      : { specReplicas: step.specReplicas ?? 0, statusReplicas: step.statusReplicas ?? 0 },
    pods: (step.pods ?? []).map((pod) => podOf(pod, scenario.containers ?? [], perSecond)),
    orphans: (step.orphans ?? []).map((orphan) => readingsOf(orphan, perSecond)),
    objectValuesMilli: named('Object', step.objectValues),
    externalValuesMilli: named('External', step.externalValues),
  }
}

export function memoryOf(scenario: Pick<Scenario, 'initial' | 'unit'>): Memory {
  const perSecond = unitsPerSecond(scenario)
  const { recommendations, scaleUpEvents, scaleDownEvents, desiredReplicas, lastScaleTime, conditions } = scenario.initial ?? {}
  const changes = (events: typeof scaleUpEvents) =>
    (events ?? []).map(({ t, change, outdated }) => ({ timeSeconds: t / perSecond, change, outdated: outdated ?? false }))
  return {
    recommendations: recommendations?.map(({ t, replicas }) => ({ timeSeconds: t / perSecond, replicas })) ?? null,
    scaleUps: changes(scaleUpEvents),
    scaleDowns: changes(scaleDownEvents),
    status: {
      desiredReplicas: desiredReplicas ?? 0,
      lastScaleTimeSeconds: lastScaleTime == null ? null : lastScaleTime / perSecond,
      conditions: (conditions ?? []).map(({ since, message, ...condition }) => ({
        ...condition,
        message: message ?? '',
        sinceSeconds: (since ?? 0) / perSecond,
      })),
    },
  }
}

/** Converts a decision for a scenario. @param perSecond the number of time units of the scenario per second */
export function answerOf(decision: Decision, perSecond: number): Answer {
  const written = decision.rescale === 'Succeeded' ? decision.scaleTo : null
  const units = (seconds: number) => Math.round(seconds * perSecond)
  return {
    desiredReplicas: decision.desiredReplicas,
    scaleTo: written,
    ...(written !== null && decision.rescaleReason !== '' && { rescaleReason: decision.rescaleReason }),
    metricRecommendation: decision.recommendation,
    stabilizedRecommendation: decision.stabilized,
    metrics: decision.metrics.map(metricAnswerOf),
    conditions: decision.conditions.map(({ sinceSeconds, ...condition }) => ({ ...condition, since: units(sinceSeconds) })),
    events: [...decision.events],
    lastScaleTime: decision.lastScaleTimeSeconds === null ? null : units(decision.lastScaleTimeSeconds),
  }
}

function metricAnswerOf({ reasoning, failure, description }: MetricReport): MetricAnswer {
  if (reasoning !== null) {
    const { exactMilli, ...current } = reasoning.current
    const amount = exactMilli === undefined ? undefined : BigInt(exactMilli)
    return {
      proposal: reasoning.proposal,
      description,
      ...current,
      ...(amount !== undefined && (current.valueMilli === undefined ? { averageValueMilli: amount } : { valueMilli: amount })),
    }
  }
  return { proposal: null, ...(failure && { reason: failure.reason, message: failure.fullMessage }) }
}
