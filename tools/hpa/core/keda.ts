/**
 * Reads KEDA's ScaledObject, and converts it to the HorizontalPodAutoscaler that KEDA 2 makes for it. KEDA itself only changes the number of
 * replicas between zero and one (or minReplicaCount); the rest is left to the HPA. Pure.
 */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { milliOf, parseQuantity } from '@lab/scaler/core/quantities.ts'
import { defaultControllerOptions, type HorizontalPodAutoscaler, seriesKey } from '@lab/scaler/core/types.ts'
import { readHpa } from '@lab/scaler/manifest/read.ts'
import { countAt, type FileObject, listAt, textAt, valueAt } from './documents.ts'

/** How KEDA changes the number of replicas while no trigger is active. */
export interface Activation {
  /** The number of replicas while no trigger is active; null if KEDA leaves the number to the HPA. */
  readonly idleReplicas: number | null
  /** The number of replicas with which the workload wakes up. */
  readonly wakeReplicas: number
  readonly cooldownSeconds: number
  readonly pollingSeconds: number
  /** For each metric that can be active, its key and the amount that it must exceed, in thousandths. */
  readonly thresholdsMilli: Readonly<Record<string, number>>
}

/** A ScaledObject's HPA and activation. */
export interface ScaledObject {
  readonly hpa: HorizontalPodAutoscaler
  readonly activation: Activation
  /** Returns the field of the ScaledObject that corresponds to a field of the HPA. */
  sourceOf(field: string): string
}

export const triggerTypes = ['cpu', 'memory', 'prometheus', 'rabbitmq', 'redis-streams'] as const
const metricTypes = ['AverageValue', 'Value', 'Utilization'] as const

const defaults = { maxReplicas: 100, cooldownSeconds: 300, pollingSeconds: 30, redisCount: '5' } as const
const behaviorField = 'spec.advanced.horizontalPodAutoscalerConfig.behavior'

/** A trigger as the HPA's metric, with its activation threshold if it has one. */
interface Trigger {
  readonly index: number
  readonly metric: { readonly type: string; readonly [source: string]: unknown }
  /** Null for a trigger that is always active, such as CPU. */
  readonly activationMilli: number | null
}

/** Returns the HPA that KEDA would make for a ScaledObject, or what is wrong, one line each. */
export function readScaledObject(object: FileObject): Result<ScaledObject> {
  const { file, value, name, lineOf } = object
  const problem = (field: string, text: string) => `${file}:${lineOf(field)}: ${field}: ${text}`
  const apiVersion = textAt(value, 'apiVersion')
  if (apiVersion !== 'keda.sh/v1alpha1') return failure(problem('apiVersion', `must be "keda.sh/v1alpha1"`))
  const spec = valueAt(value, 'spec')
  if (valueAt(spec, 'advanced', 'scalingModifiers', 'formula') !== undefined) {
    return failure(
      problem('spec.advanced.scalingModifiers.formula', 'formulas are not supported; allowed are triggers without scalingModifiers'),
    )
  }
  const found = listAt(spec, 'triggers')
  if (found.length === 0) return failure(problem('spec.triggers', `must have at least one trigger of type ${triggerTypes.join(', ')}`))
  const read = found.map((trigger, index) => triggerOf(trigger, index, name))
  const problems = read.flatMap((one, i) => ('problem' in one ? [problem(`spec.triggers[${i}]${one.field}`, one.problem)] : []))
  if (problems.length > 0) return failure(...problems)
  const triggers = read
    .flatMap((one) => ('problem' in one ? [] : [one]))
    .sort((a, b) => (a.metric.type < b.metric.type ? -1 : a.metric.type > b.metric.type ? 1 : 0))
  const minimum = countAt(spec, 'minReplicaCount') ?? 0
  const idle = countAt(spec, 'idleReplicaCount')
  if (idle !== null && idle >= minimum)
    return failure(problem('spec.idleReplicaCount', `${idle} must be less than minReplicaCount, which is ${minimum}`))
  const target = valueAt(spec, 'scaleTargetRef')
  const document = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      name: textAt(spec, 'advanced', 'horizontalPodAutoscalerConfig', 'name') || `keda-hpa-${name}`,
      ...(textAt(value, 'metadata', 'namespace') !== '' && { namespace: textAt(value, 'metadata', 'namespace') }),
    },
    spec: {
      scaleTargetRef: {
        apiVersion: textAt(target, 'apiVersion') || 'apps/v1',
        kind: textAt(target, 'kind') || 'Deployment',
        name: textAt(target, 'name'),
      },
      minReplicas: Math.max(1, minimum),
      maxReplicas: countAt(spec, 'maxReplicaCount') ?? defaults.maxReplicas,
      metrics: triggers.map(({ metric }) => metric),
      behavior: valueAt(spec, 'advanced', 'horizontalPodAutoscalerConfig', 'behavior') ?? null,
    },
  }
  const sourceOf = (field: string) => sourceField(field, triggers)
  const hpa = readHpa(JSON.stringify(document), file, defaultControllerOptions.featureGates)
  if (!hpa.ok) {
    return failure(
      ...hpa.problems.map((text) => {
        const [, path = '', rest = ''] = /^.*?:\d+:\d+: ([\w.[\]]*): (.*)$/s.exec(text) ?? []
        const field = sourceOf(path)
        return path === '' ? text : problem(field, rest)
      }),
    )
  }
  const { metrics } = hpa.value
  const thresholds = triggers.flatMap(({ activationMilli }, i) => {
    const metric = metrics[i]
    return activationMilli === null || metric === undefined ? [] : [[seriesKey(metric), activationMilli] as const]
  })
  return success({
    hpa: hpa.value,
    sourceOf,
    activation: {
      // CPU and memory have no value without replicas, so they cannot wake a workload up.
      idleReplicas: thresholds.length === 0 ? null : (idle ?? (minimum === 0 ? 0 : null)),
      wakeReplicas: Math.max(1, minimum),
      cooldownSeconds: countAt(spec, 'cooldownPeriod') ?? defaults.cooldownSeconds,
      pollingSeconds: countAt(spec, 'pollingInterval') ?? defaults.pollingSeconds,
      thresholdsMilli: Object.fromEntries(thresholds),
    },
  })
}

/** Returns why a ScaledJob is refused. */
export function scaledJobProblem({ file, lineOf }: FileObject): string {
  return `${file}:${lineOf('kind')}: kind: a ScaledJob starts one Job for each piece of work, so there is no number of replicas and KEDA makes no HPA for it; allowed are HorizontalPodAutoscaler and ScaledObject`
}

function triggerOf(trigger: unknown, index: number, scaledObject: string): Trigger | { readonly field: string; readonly problem: string } {
  const type = textAt(trigger, 'type')
  const setting = (name: string) => {
    const value = valueAt(trigger, 'metadata', name)
    return value === undefined || value === null ? '' : String(value)
  }
  const metricType = textAt(trigger, 'metricType')
  if (!triggerTypes.some((known) => known === type))
    return { field: '.type', problem: `${type || 'no type'}: allowed are ${triggerTypes.join(', ')}` }
  if (metricType !== '' && !metricTypes.some((known) => known === metricType)) {
    return { field: '.metricType', problem: `${metricType}: allowed are ${metricTypes.join(', ')}` }
  }
  if (type === 'cpu' || type === 'memory') return resourceTrigger(type, index, { metricType: metricType || setting('type'), setting })
  if (metricType === 'Utilization') return { field: '.metricType', problem: 'Utilization is allowed only for cpu and memory' }
  const named = externalOf(type, setting)
  const missing = named.required.find((name) => setting(name) === '')
  if (missing !== undefined) return { field: `.metadata.${missing}`, problem: 'must be set' }
  const amount = parseQuantity(named.target)
  if (amount === null || amount.nano <= 0n)
    return { field: `.metadata.${named.targetField}`, problem: `${named.target || 'not set'}: allowed is a number above 0` }
  const activation = parseQuantity(setting(named.activationField) || '0')
  if (activation === null)
    return { field: `.metadata.${named.activationField}`, problem: `${setting(named.activationField)}: allowed is a number` }
  const isTotal = metricType === 'Value'
  const metric = {
    type: 'External',
    external: {
      metric: {
        name: `s${index}-${normalized(named.name)}`,
        selector: { matchLabels: { 'scaledobject.keda.sh/name': scaledObject.slice(0, 63) } },
      },
      target: isTotal ? { type: 'Value', value: amount.text } : { type: 'AverageValue', averageValue: amount.text },
    },
  }
  return { index, metric, activationMilli: named.alwaysActive ? null : milliOf(activation) }
}

interface Settings {
  readonly metricType: string
  setting(name: string): string
}

function resourceTrigger(name: string, index: number, { metricType, setting }: Settings): ReturnType<typeof triggerOf> {
  const value = setting('value')
  const amount = parseQuantity(value)
  if (metricType === 'Value') return { field: '.metricType', problem: `Value: allowed for ${name} are Utilization and AverageValue` }
  if (amount === null || amount.nano <= 0n)
    return { field: '.metadata.value', problem: `${value || 'not set'}: allowed is a number above 0` }
  const isAverage = metricType === 'AverageValue'
  if (!isAverage && !/^\d+$/.test(value))
    return { field: '.metadata.value', problem: `${value}: allowed is a whole percentage, as the metricType is Utilization` }
  const target = isAverage ? { type: 'AverageValue', averageValue: value } : { type: 'Utilization', averageUtilization: Number(value) }
  const container = setting('containerName')
  const metric =
    container === ''
      ? { type: 'Resource', resource: { name, target } }
      : { type: 'ContainerResource', containerResource: { name, container, target } }
  return { index, metric, activationMilli: null }
}

interface External {
  readonly name: string
  readonly required: readonly string[]
  readonly target: string
  readonly targetField: string
  readonly activationField: string
  /** Whether the trigger is active for as long as it has any value, so that the workload never sleeps. */
  readonly alwaysActive: boolean
}

function externalOf(type: string, setting: (name: string) => string): External {
  if (type === 'prometheus') {
    const fields = { required: ['serverAddress', 'query', 'threshold'], targetField: 'threshold', activationField: 'activationThreshold' }
    return { name: 'prometheus', ...fields, target: setting('threshold'), alwaysActive: false }
  }
  if (type === 'rabbitmq') {
    const targetField = setting('value') === '' && setting('queueLength') !== '' ? 'queueLength' : 'value'
    const required = targetField === 'value' ? ['queueName', 'mode', 'value'] : ['queueName']
    const name = `rabbitmq-${encodeURIComponent(setting('queueName'))}`
    return { name, required, target: setting(targetField), targetField, activationField: 'activationValue', alwaysActive: false }
  }
  const byLag = setting('lagCount') !== ''
  const targetField = byLag ? 'lagCount' : setting('consumerGroup') === '' ? 'streamLength' : 'pendingEntriesCount'
  const target = setting(targetField) || defaults.redisCount
  // Entries remain in a stream after they were read, and pending entries exist only while a consumer runs.
  return {
    name: `redis-streams-${setting('stream')}`,
    required: ['stream'],
    target,
    targetField,
    activationField: 'activationLagCount',
    alwaysActive: !byLag,
  }
}

/** Replaces the characters that KEDA replaces in the names of metrics. */
function normalized(name: string): string {
  return name.replaceAll(/[/.:%()]/g, '-')
}

function sourceField(field: string, triggers: readonly Trigger[]): string {
  const [, index, rest = ''] = /^spec\.metrics\[(\d+)\](.*)$/.exec(field) ?? []
  if (index !== undefined) {
    const trigger = `spec.triggers[${triggers[Number(index)]?.index ?? 0}]`
    return rest.includes('target') ? `${trigger}.metadata` : trigger
  }
  return field
    .replace(/^spec\.minReplicas$/, 'spec.minReplicaCount')
    .replace(/^spec\.maxReplicas$/, 'spec.maxReplicaCount')
    .replace(/^spec\.metrics$/, 'spec.triggers')
    .replace(/^spec\.behavior/, behaviorField)
}
