/**
 * Schema of an autoscaling/v2 HorizontalPodAutoscaler, with every field and its type. Like the API server's strict decoding, the schema
 * refuses unknown fields and wrong types. The values of the fields are validated in validate.ts.
 */
import { z } from 'zod'
import { metadata } from './metadata.ts'
import { int32, int64, list, quantity, text, textMap, texts, time } from './shape.ts'

const selector = z.strictObject({
  matchLabels: textMap.nullish(),
  matchExpressions: list(z.strictObject({ key: text.nullish(), operator: text.nullish(), values: texts.nullish() }), {}).nullish(),
})

const metricIdentifier = z.strictObject({ name: text.nullish(), selector: selector.nullish() })

const amounts = { averageUtilization: int32.nullish(), averageValue: quantity.nullish(), value: quantity.nullish() }
const target = z.strictObject({ type: text.nullish(), ...amounts })

const reference = z.strictObject({ apiVersion: text.nullish(), kind: text.nullish(), name: text.nullish() })

/**
 * Returns the schema of a metric with its five possible sources. The `number` parameter is the schema of the metric's target (for a spec)
 * or of its current value (for a status).
 */
function metricOf<Name extends string, Schema extends z.ZodType>(name: Name, number: Schema) {
  const numberShape = { [name]: number.nullish() } as Record<Name, z.ZodOptional<z.ZodNullable<Schema>>>
  return z.strictObject({
    type: text.nullish(),
    object: z.strictObject({ describedObject: reference.nullish(), metric: metricIdentifier.nullish(), ...numberShape }).nullish(),
    pods: z.strictObject({ metric: metricIdentifier.nullish(), ...numberShape }).nullish(),
    resource: z.strictObject({ name: text.nullish(), ...numberShape }).nullish(),
    containerResource: z.strictObject({ name: text.nullish(), container: text.nullish(), ...numberShape }).nullish(),
    external: z.strictObject({ metric: metricIdentifier.nullish(), ...numberShape }).nullish(),
  })
}

const metric = metricOf('target', target)

const policy = z.strictObject({ type: text.nullish(), value: int32.nullish(), periodSeconds: int32.nullish() })

const rules = z.strictObject({
  stabilizationWindowSeconds: int32.nullish(),
  selectPolicy: text.nullish(),
  policies: list(policy, {}).nullish(),
  tolerance: quantity.nullish(),
})

const spec = z.strictObject({
  scaleTargetRef: reference.nullish(),
  minReplicas: int32.nullish(),
  maxReplicas: int32.nullish(),
  metrics: list(metric, {}).nullish(),
  behavior: z.strictObject({ scaleUp: rules.nullish(), scaleDown: rules.nullish() }).nullish(),
})

const condition = z.strictObject({
  type: text.nullish(),
  status: text.nullish(),
  lastTransitionTime: time.nullish(),
  reason: text.nullish(),
  message: text.nullish(),
})

/** The status is decoded but ignored, as when Kubernetes creates an object. */
const status = z.strictObject({
  observedGeneration: int64.nullish(),
  lastScaleTime: time.nullish(),
  currentReplicas: int32.nullish(),
  desiredReplicas: int32.nullish(),
  currentMetrics: list(metricOf('current', z.strictObject(amounts)), {}).nullish(),
  conditions: list(condition, {}).nullish(),
})

export const kind = 'HorizontalPodAutoscaler'
export const apiVersion = 'autoscaling/v2'

export const v2Schema = z.strictObject({
  apiVersion: z.literal(apiVersion, { error: `must be "${apiVersion}"` }),
  kind: z.literal(kind, { error: `must be "${kind}"` }),
  metadata: metadata.nullish(),
  spec: spec.nullish(),
  status: status.nullish(),
})

/** Schema of autoscaling/v1, which the API server still serves. */
export const v1Schema = v2Schema.extend({
  apiVersion: z.literal('autoscaling/v1'),
  spec: z
    .strictObject({
      scaleTargetRef: reference.nullish(),
      minReplicas: int32.nullish(),
      maxReplicas: int32.nullish(),
      targetCPUUtilizationPercentage: int32.nullish(),
    })
    .nullish(),
  status: status
    .pick({ observedGeneration: true, lastScaleTime: true, currentReplicas: true, desiredReplicas: true })
    .extend({ currentCPUUtilizationPercentage: int32.nullish() })
    .nullish(),
})

export type V2Document = z.infer<typeof v2Schema>
export type V1Document = z.infer<typeof v1Schema>
export type V2Spec = z.infer<typeof spec>
export type V2Metric = z.infer<typeof metric>
export type V2Target = z.infer<typeof target>
export type V2Rules = z.infer<typeof rules>
export type V2Reference = z.infer<typeof reference>
export type V2MetricIdentifier = z.infer<typeof metricIdentifier>
