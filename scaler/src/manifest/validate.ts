/** Implements the API server's validation for documents that match the schema (pkg/apis/autoscaling/validation). */

import type { FieldError } from '../core/field-error.ts'
import { forbidden, invalid, invalidJson, notSupported, required } from '../core/field-error.ts'
import { containerResourceErrors, dnsLabelErrors, pathSegmentErrors, qualifiedNameErrors } from '../core/names.ts'
import type { FeatureGates } from '../core/types.ts'
import { metricTypes, policyTypes, selectPolicies } from '../core/types.ts'
import { validateMetadata } from './metadata.ts'
import type { V2Document, V2Metric, V2MetricIdentifier, V2Reference, V2Rules, V2Spec, V2Target } from './v2.ts'

const maxPeriodSeconds = 1800
const maxStabilizationWindowSeconds = 3600

/** Returns all validation errors in a document, in the order in which Kubernetes reports them. */
export function validateDocument({ metadata, spec }: V2Document, gates: FeatureGates): FieldError[] {
  return [...validateMetadata(metadata ?? {}), ...validateSpec(spec ?? {}, gates)]
}

/** Returns all validation errors in `spec`. */
export function validateSpec(spec: V2Spec, gates: FeatureGates): FieldError[] {
  const errors: FieldError[] = []
  const leastMin = gates.HPAScaleToZero ? 0 : 1
  const max = spec.maxReplicas ?? 0
  const min = spec.minReplicas ?? 1
  if (min < leastMin) errors.push(invalid('spec.minReplicas', min, `must be greater than or equal to ${leastMin}`))
  if (max === 0) errors.push(required('spec.maxReplicas', 'must be set and greater than 0'))
  if (max < 0) errors.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to 1'))
  if (max < min) errors.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'))
  errors.push(...validateReference(spec.scaleTargetRef, 'spec.scaleTargetRef', spec.scaleTargetRef?.kind === 'ReplicationController'))
  const metrics = spec.metrics ?? []
  errors.push(...metrics.flatMap((metric, i) => validateMetric(metric, `spec.metrics[${i}]`)))
  if (min === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
    errors.push(forbidden('spec.metrics', 'must specify at least one Object or External metric to support scaling to zero replicas'))
  }
  errors.push(...validateRules(spec.behavior?.scaleUp, 'spec.behavior.scaleUp', gates))
  errors.push(...validateRules(spec.behavior?.scaleDown, 'spec.behavior.scaleDown', gates))
  return errors
}

function validateReference(reference: V2Reference | null | undefined, path: string, mayLackGroup: boolean): FieldError[] {
  const errors = (['kind', 'name'] as const).flatMap((key) => {
    const value = reference?.[key] ?? ''
    const field = `${path}.${key}`
    if (value === '') return [required(field)]
    return pathSegmentErrors(value).map((detail) => invalid(field, value, detail))
  })
  const apiVersion = reference?.apiVersion ?? ''
  const [group = '', version, ...rest] = apiVersion.split('/')
  const detail = rest.length > 0 && `unexpected GroupVersion string: ${apiVersion}`
  const lacksGroup = !mayLackGroup && (version === undefined || group === '') && 'apiVersion must specify API group'
  if (detail || lacksGroup) errors.push(invalid(`${path}.apiVersion`, apiVersion, detail || lacksGroup || ''))
  return errors
}

type SourceField = Exclude<keyof V2Metric, 'type'>

/**
 * The functions that validate metric sources, in the API server's order. If a metric has several sources, the API server validates only the
 * first one.
 */
const sourceFields: Readonly<Record<SourceField, (metric: V2Metric, path: string) => FieldError[]>> = {
  object: ({ object }, path) => [
    ...validateReference(object?.describedObject, `${path}.describedObject`, true),
    ...validateIdentifier(object?.metric, `${path}.metric`),
    ...validateTarget(object?.target, `${path}.target`),
    ...(has(object?.target, 'value') || has(object?.target, 'averageValue')
      ? []
      : [required(`${path}.target.averageValue`, 'must set either a target value or averageValue')]),
  ],
  external: ({ external }, path) => [
    ...validateIdentifier(external?.metric, `${path}.metric`),
    ...validateTarget(external?.target, `${path}.target`),
    ...validateExternalNumbers(external?.target, `${path}.target`),
  ],
  pods: ({ pods }, path) => [
    ...validateIdentifier(pods?.metric, `${path}.metric`),
    ...validateTarget(pods?.target, `${path}.target`),
    ...(has(pods?.target, 'averageValue') ? [] : [required(`${path}.target.averageValue`, 'must specify a positive target averageValue')]),
  ],
  resource: ({ resource }, path) => [
    ...(resource?.name ? [] : [required(`${path}.name`, 'must specify a resource name')]),
    ...validateTarget(resource?.target, `${path}.target`),
    ...validateResourceNumbers(resource?.target, `${path}.target`),
  ],
  containerResource: ({ containerResource }, path) => [
    ...validateContainerResource(containerResource ?? {}, path),
    ...validateTarget(containerResource?.target, `${path}.target`),
    ...validateResourceNumbers(containerResource?.target, `${path}.target`),
  ],
}

/** Returns the field name for a metric type, such as containerResource for ContainerResource. */
export function sourceFieldOf(type: string): SourceField | null {
  const field = type.charAt(0).toLowerCase() + type.slice(1)
  return metricTypes.some((known) => known === type) && isSourceField(field) ? field : null
}

function isSourceField(field: string): field is SourceField {
  return Object.hasOwn(sourceFields, field)
}

function validateMetric(metric: V2Metric, path: string): FieldError[] {
  const errors: FieldError[] = []
  const type = metric.type ?? ''
  const expected = sourceFieldOf(type)
  if (type === '') errors.push(required(`${path}.type`, 'must specify a metric source type'))
  if (expected === null) errors.push(notSupported(`${path}.type`, type, metricTypes))
  const present = Object.keys(sourceFields)
    .filter(isSourceField)
    .filter((field) => metric[field] != null)
  const [first] = present
  if (first !== undefined) errors.push(...sourceFields[first](metric, `${path}.${first}`))
  if (expected !== null && metric[expected] == null) {
    errors.push(required(`${path}.${expected}`, 'must populate information for the given metric source'))
  }
  // Kubernetes reports an unsupported metric type twice.
  if (expected === null) errors.push(notSupported(`${path}.type`, type, metricTypes))
  if (present.length !== 1) {
    const others = present.filter((field) => field !== expected)
    errors.push(...others.map((field) => forbidden(`${path}.${field}`, 'must populate the given metric source only')))
  }
  return errors
}

function validateContainerResource({ name, container }: NonNullable<V2Metric['containerResource']>, path: string): FieldError[] {
  return [
    ...qualifiedNameErrors(name || 'none').map((error) => invalid(`${path}.name`, name ?? '', error)),
    ...(name
      ? containerResourceErrors(name).map((error) => invalidJson(`${path}.name`, name, error))
      : [required(`${path}.name`, 'must specify a resource name')]),
    ...(container
      ? dnsLabelErrors(container).map((error) => invalid(`${path}.container`, container, error))
      : [required(`${path}.container`, 'must specify a container')]),
  ]
}

function validateIdentifier(identifier: V2MetricIdentifier | null | undefined, path: string): FieldError[] {
  const name = identifier?.name ?? ''
  if (name === '') return [required(`${path}.name`, 'must specify a metric name')]
  return pathSegmentErrors(name).map((detail) => invalid(`${path}.name`, name, detail))
}

function has(target: V2Target | null | undefined, number: 'value' | 'averageValue' | 'averageUtilization'): boolean {
  return target?.[number] != null
}

function validateTarget(target: V2Target | null | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  const type = target?.type ?? ''
  if (type === '') errors.push(required(`${path}.type`, 'must specify a metric target type'))
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(invalidJson(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'))
  }
  for (const number of ['value', 'averageValue'] as const) {
    const quantity = target?.[number]
    if (quantity != null && quantity.nano <= 0n) {
      errors.push(invalid(`${path}.${number}`, quantity.text, 'must be positive'))
    }
  }
  const utilization = target?.averageUtilization
  if (utilization != null && utilization < 1) errors.push(invalid(`${path}.averageUtilization`, utilization, 'must be greater than 0'))
  return errors
}

function validateResourceNumbers(target: V2Target | null | undefined, path: string): FieldError[] {
  const both = has(target, 'averageUtilization') && has(target, 'averageValue')
  if (both) return [forbidden(`${path}.averageValue`, 'may not set both a target raw value and a target utilization')]
  if (has(target, 'averageUtilization') || has(target, 'averageValue')) return []
  return [required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization')]
}

function validateExternalNumbers(target: V2Target | null | undefined, path: string): FieldError[] {
  const both = has(target, 'value') && has(target, 'averageValue')
  if (both) return [forbidden(`${path}.value`, 'may not set both a target value for metric and a per-pod target')]
  if (has(target, 'value') || has(target, 'averageValue')) return []
  return [required(`${path}.averageValue`, 'must set either a target value for metric or a per-pod target')]
}

function validateRules(rules: V2Rules | null | undefined, path: string, gates: FeatureGates): FieldError[] {
  if (rules == null) return []
  const errors: FieldError[] = []
  const window = rules.stabilizationWindowSeconds ?? 0
  const windowField = `${path}.stabilizationWindowSeconds`
  if (window < 0) errors.push(invalid(windowField, window, 'must be greater than or equal to zero'))
  if (window > maxStabilizationWindowSeconds) {
    errors.push(invalid(windowField, window, `must be less than or equal to ${maxStabilizationWindowSeconds}`))
  }
  const select = rules.selectPolicy
  if (select != null && !selectPolicies.some((known) => known === select)) {
    errors.push(notSupported(`${path}.selectPolicy`, select, selectPolicies))
  }
  if (rules.policies?.length === 0) errors.push(required(`${path}.policies`, 'must specify at least one Policy'))
  for (const [i, policy] of (rules.policies ?? []).entries()) {
    const at = `${path}.policies[${i}]`
    const type = policy.type ?? ''
    if (!policyTypes.some((known) => known === type)) errors.push(notSupported(`${at}.type`, type, policyTypes))
    const value = policy.value ?? 0
    if (value <= 0) errors.push(invalid(`${at}.value`, value, 'must be greater than zero'))
    const period = policy.periodSeconds ?? 0
    if (period <= 0) errors.push(invalid(`${at}.periodSeconds`, period, 'must be greater than zero'))
    if (period > maxPeriodSeconds) {
      errors.push(invalid(`${at}.periodSeconds`, period, `must be less than or equal to ${maxPeriodSeconds}`))
    }
  }
  // If the feature gate is disabled, Kubernetes drops `tolerance` before validation.
  if (gates.HPAConfigurableTolerance && rules.tolerance != null && rules.tolerance.nano < 0n) {
    errors.push(invalid(`${path}.tolerance`, rules.tolerance.text, 'must be greater than or equal to 0'))
  }
  return errors
}
