/** Zod schemas for the records of the conformance files. In inputs, null means absent. */
import { z } from 'zod'

/** Invalid input. The message names the problem and its place. */
export class InputError extends Error {}

/** A whole number. It may be 2^53, which z.int() refuses. */
const int = z.number().refine(Number.isInteger, 'must be a whole number')

/** An amount of memory, or a current value of a metric. It is a bigint if it exceeds 2^53. */
const amount = z.union([int, z.bigint()])
const amounts = z.record(z.string(), amount)

const target = z.object({
  type: z.string().nullish(),
  averageUtilization: int.nullish(),
  averageValue: int.nullish(),
  value: int.nullish(),
})

const metric = z.object({
  type: z.string().nullish(),
  name: z.string().nullish(),
  container: z.string().nullish(),
  describedObject: z.object({ apiVersion: z.string().nullish(), kind: z.string().nullish(), name: z.string().nullish() }).nullish(),
  target: target.nullish(),
})

export const rulesSchema = z.object({
  stabilizationWindowSeconds: int.nullish(),
  selectPolicy: z.string().nullish(),
  policies: z.array(z.object({ type: z.string().nullish(), value: int.nullish(), periodSeconds: int.nullish() })).nullish(),
  tolerance: z.number().nullish(),
})

const hpa = z.object({
  minReplicas: int.nullish(),
  maxReplicas: int.nullish(),
  metrics: z.array(metric).nullish(),
  behavior: z.object({ scaleUp: rulesSchema.nullish(), scaleDown: rulesSchema.nullish() }).nullish(),
})

const gates = z.object({ HPAScaleToZero: z.boolean(), HPAConfigurableTolerance: z.boolean() }).partial().nullish()

const containers = z.array(z.object({ name: z.string(), requests: amounts.nullish() }))

const readings = z.object({
  name: z.string(),
  sample: z.object({ time: int, window: int, usage: z.record(z.string(), amounts.nullable()).nullish() }).nullish(),
  values: z.record(z.string(), int).nullish(),
})

export const podSchema = readings.extend({
  phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']).nullish(),
  deleting: z.boolean().nullish(),
  startTime: int.nullish(),
  ready: z.object({ status: z.enum(['True', 'False', 'Unknown']), since: int }).nullish(),
  containers: containers.nullish(),
})

const condition = z.object({
  type: z.enum(['AbleToScale', 'ScalingActive', 'ScalingLimited', 'ScaledToZero']),
  status: z.enum(['True', 'False']),
  reason: z.string(),
  message: z.string().nullish(),
  since: int.nullish(),
})

const event = z.object({ type: z.enum(['Normal', 'Warning']), reason: z.string(), message: z.string() })

const metricAnswer = z.object({
  proposal: int.nullable(),
  description: z.string().optional(),
  averageUtilization: int.optional(),
  averageValueMilli: amount.optional(),
  valueMilli: amount.optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
})

const answer = z.object({
  desiredReplicas: int,
  scaleTo: int.nullable(),
  rescaleReason: z.string().optional(),
  metricRecommendation: int.nullable(),
  stabilizedRecommendation: int.nullable(),
  metrics: z.array(metricAnswer),
  conditions: z.array(condition),
  events: z.array(event),
  lastScaleTime: int.nullable(),
})

const step = z.object({
  t: int,
  hpa: hpa.nullish(),
  hpaYaml: z.string().nullish(),
  specReplicas: int.nullish(),
  statusReplicas: int.nullish(),
  pods: z.array(podSchema).nullish(),
  orphans: z.array(readings).nullish(),
  objectValues: z.record(z.string(), int).nullish(),
  externalValues: z.record(z.string(), z.array(int).nullable()).nullish(),
  scaleGetFails: z.boolean().nullish(),
  scaleUpdateFails: z.boolean().nullish(),
  restart: z.boolean().nullish(),
  clockBack: int.nullish(),
  expected: answer.nullish(),
})

const scaleChanges = z.array(z.object({ t: int, change: int, outdated: z.boolean().nullish() })).nullish()

const upstream = z.object({
  proposal: int.nullish(),
  averageUtilization: int.optional(),
  averageValueMilli: int.optional(),
  valueMilli: int.optional(),
  error: z.unknown().optional(),
  desiredReplicas: int.optional(),
  conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })).optional(),
})

export const scenarioSchema = z.object({
  id: z.string(),
  title: z.string().nullish(),
  source: z.string().nullish(),
  unit: z.literal('ms').nullish(),
  hpaYaml: z.string().nullish(),
  hpa,
  controller: z.object({
    syncPeriodSeconds: z.number().nullish(),
    downscaleStabilizationSeconds: z.number(),
    tolerance: z.number(),
    cpuInitializationPeriodSeconds: z.number(),
    initialReadinessDelaySeconds: z.number(),
  }),
  featureGates: gates,
  containers: containers.nullish(),
  initial: z
    .object({
      desiredReplicas: int.nullish(),
      conditions: z.array(condition).nullish(),
      recommendations: z.array(z.object({ t: int, replicas: int })).nullish(),
      scaleUpEvents: scaleChanges,
      scaleDownEvents: scaleChanges,
      lastScaleTime: int.nullish(),
    })
    .nullish(),
  steps: z.array(step),
  upstream: upstream.nullish(),
})

export const specCaseSchema = z.object({
  id: z.string(),
  featureGates: gates,
  hpa,
  valid: z.boolean().nullish(),
  errors: z.array(z.object({ field: z.string(), type: z.string(), detail: z.string().nullish() })).nullish(),
})

/** A YAML file as a user would write it. `stage` is the step that refuses the file. Only validation has errors to compare. */
export const yamlCaseSchema = z.object({
  id: z.string(),
  yaml: z.string(),
  featureGates: gates,
  valid: z.boolean().nullish(),
  stage: z.enum(['decode', 'validate']).nullish(),
  errors: z.array(z.object({ field: z.string(), type: z.string(), text: z.string() })).nullish(),
})

export type Scenario = z.infer<typeof scenarioSchema>
export type ScenarioStep = z.infer<typeof step>
export type SpecCase = z.infer<typeof specCaseSchema>
export type YamlCase = z.infer<typeof yamlCaseSchema>
export type CaseHpa = z.infer<typeof hpa>
export type CaseMetric = z.infer<typeof metric>
export type CasePod = z.infer<typeof podSchema>
export type CaseReadings = z.infer<typeof readings>
export type CaseContainers = z.infer<typeof containers>
export type Answer = z.infer<typeof answer>
export type MetricAnswer = z.infer<typeof metricAnswer>
