/**
 * The shape of an autoscaling/v2 HorizontalPodAutoscaler as a user writes it: every field, its type, and nothing else.
 * Like the API server's strict decoding it refuses unknown fields and wrong types; whether the values make sense is
 * validate.ts's question. null is the same as leaving the field out.
 */
import { z } from 'zod'
import type { Quantity } from '../core/quantities.ts'
import { parseQuantity, quantityFormat } from '../core/quantities.ts'

const int32 = z.int32({ error: 'must be a whole number that fits 32 bits' })
const text = z.string({ error: 'must be a string' })

const quantity = z.union([z.string(), z.number()], { error: `must be ${quantityFormat}` }).transform((value, context): Quantity => {
  const parsed = parseQuantity(String(value))
  if (parsed !== null) return parsed
  context.addIssue({ code: 'custom', message: `must be ${quantityFormat}` })
  return z.NEVER
})

const labels = z.record(z.string(), text)

const selector = z.strictObject({
  matchLabels: labels.nullish(),
  matchExpressions: z.array(z.strictObject({ key: text, operator: text, values: z.array(text).nullish() })).nullish(),
})

const metricIdentifier = z.strictObject({ name: text.nullish(), selector: selector.nullish() })

const target = z.strictObject({
  type: text.nullish(),
  averageUtilization: int32.nullish(),
  averageValue: quantity.nullish(),
  value: quantity.nullish(),
})

const reference = z.strictObject({ apiVersion: text.nullish(), kind: text.nullish(), name: text.nullish() })

const metric = z.strictObject({
  type: text.nullish(),
  object: z.strictObject({ describedObject: reference.nullish(), metric: metricIdentifier.nullish(), target: target.nullish() }).nullish(),
  pods: z.strictObject({ metric: metricIdentifier.nullish(), target: target.nullish() }).nullish(),
  resource: z.strictObject({ name: text.nullish(), target: target.nullish() }).nullish(),
  containerResource: z.strictObject({ name: text.nullish(), container: text.nullish(), target: target.nullish() }).nullish(),
  external: z.strictObject({ metric: metricIdentifier.nullish(), target: target.nullish() }).nullish(),
})

const policy = z.strictObject({ type: text.nullish(), value: int32.nullish(), periodSeconds: int32.nullish() })

const rules = z.strictObject({
  stabilizationWindowSeconds: int32.nullish(),
  selectPolicy: text.nullish(),
  policies: z.array(policy).nullish(),
  tolerance: quantity.nullish(),
})

const spec = z.strictObject({
  scaleTargetRef: reference.nullish(),
  minReplicas: int32.nullish(),
  maxReplicas: int32.nullish(),
  metrics: z.array(metric).nullish(),
  behavior: z.strictObject({ scaleUp: rules.nullish(), scaleDown: rules.nullish() }).nullish(),
})

/** Fields of metadata that `kubectl get -o yaml` prints besides those that are read. */
const printedMetadata = [
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'ownerReferences',
  'finalizers',
  'managedFields',
  'selfLink',
] as const

const metadata = z.strictObject({
  name: text.nullish(),
  namespace: text.nullish(),
  labels: labels.nullish(),
  annotations: labels.nullish(),
  ...Object.fromEntries(printedMetadata.map((field) => [field, z.unknown().optional()])),
})

export const v2Schema = z.strictObject({
  apiVersion: z.literal('autoscaling/v2', { error: 'must be "autoscaling/v2"' }),
  kind: z.literal('HorizontalPodAutoscaler', { error: 'must be "HorizontalPodAutoscaler"' }),
  metadata: metadata.nullish(),
  spec: spec.nullish(),
  status: z.unknown().optional(),
})

export type V2Document = z.infer<typeof v2Schema>
export type V2Spec = z.infer<typeof spec>
export type V2Metric = z.infer<typeof metric>
export type V2Target = z.infer<typeof target>
export type V2Rules = z.infer<typeof rules>
export type V2Reference = z.infer<typeof reference>
export type V2MetricIdentifier = z.infer<typeof metricIdentifier>
