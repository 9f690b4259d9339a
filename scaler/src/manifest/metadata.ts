/** Schema and validation of an object's metadata (ValidateObjectMeta in apimachinery). */
import { z } from 'zod'
import type { FieldError } from '../core/field-error.ts'
import { invalid, invalidJson, required, tooLong } from '../core/field-error.ts'
import { byteLength, dnsLabelErrors, dnsSubdomainErrors, labelValueErrors, qualifiedNameErrors } from '../core/names.ts'
import { flag, int64, list, text, textMap, texts, time } from './shape.ts'

const ownerReference = z.strictObject({
  apiVersion: text.nullish(),
  kind: text.nullish(),
  name: text.nullish(),
  uid: text.nullish(),
  controller: flag.nullish(),
  blockOwnerDeletion: flag.nullish(),
})

const managedFields = z.strictObject({
  manager: text.nullish(),
  operation: text.nullish(),
  apiVersion: text.nullish(),
  time: time.nullish(),
  fieldsType: text.nullish(),
  fieldsV1: z.unknown().optional(),
  subresource: text.nullish(),
})

export const metadata = z.strictObject({
  name: text.nullish(),
  generateName: text.nullish(),
  namespace: text.nullish(),
  selfLink: text.nullish(),
  uid: text.nullish(),
  resourceVersion: text.nullish(),
  generation: int64.nullish(),
  creationTimestamp: time.nullish(),
  deletionTimestamp: time.nullish(),
  deletionGracePeriodSeconds: int64.nullish(),
  labels: textMap.nullish(),
  annotations: textMap.nullish(),
  ownerReferences: list(ownerReference, {}).nullish(),
  finalizers: texts.nullish(),
  managedFields: list(managedFields, {}).nullish(),
})

export type Metadata = z.infer<typeof metadata>
type OwnerReference = z.infer<typeof ownerReference>

/**
 * Stands in for the five random characters that the API server appends to generateName. The suffix is constant, so that repeated
 * validations of a file report the same generated name.
 */
const generatedSuffix = 'local'
const maxGeneratedBase = 58

/** Returns the name of an object, or an empty string if its metadata contains no name. */
export function nameOf({ name, generateName }: Metadata): string {
  return name || (generateName ? generateName.slice(0, maxGeneratedBase) + generatedSuffix : '')
}

export function namespaceOf({ namespace }: Metadata): string {
  return namespace || 'default'
}

const maxAnnotationBytes = 256 * 1024

/** Returns all validation errors in the metadata, in the order in which Kubernetes reports them. */
export function validateMetadata(given: Metadata): FieldError[] {
  const name = nameOf(given)
  const namespace = namespaceOf(given)
  const generateName = given.generateName ?? ''
  const generation = given.generation ?? 0
  const labels = Object.entries(given.labels ?? {})
  const annotations = Object.entries(given.annotations ?? {})
  const size = annotations.reduce((sum, pair) => sum + byteLength(pair.join('')), 0)
  const all = (field: string, value: string, errors: readonly string[]) => errors.map((error) => invalid(`metadata.${field}`, value, error))
  return [
    ...(generateName === '' ? [] : all('generateName', generateName, dnsSubdomainErrors(withoutTrailingDash(generateName)))),
    ...(name === '' ? [required('metadata.name', 'name or generateName is required')] : all('name', name, dnsSubdomainErrors(name))),
    ...all('namespace', namespace, dnsLabelErrors(namespace)),
    ...(generation < 0 ? [invalid('metadata.generation', generation, 'must be greater than or equal to 0')] : []),
    ...labels.flatMap(([key, value]) => [
      ...all('labels', key, qualifiedNameErrors(key)),
      ...all('labels', value, labelValueErrors(value)),
    ]),
    ...annotations.flatMap(([key]) => all('annotations', key, qualifiedNameErrors(key.toLowerCase()))),
    ...(size > maxAnnotationBytes ? [tooLong('metadata.annotations', maxAnnotationBytes)] : []),
    ...validateOwners(given.ownerReferences ?? []),
    ...validateFinalizers(given.finalizers ?? []),
    ...validateManagedFields(given.managedFields ?? []),
    ...(given.finalizers ?? []).flatMap((finalizer, i) =>
      finalizer.includes('/') || standardFinalizers.includes(finalizer)
        ? []
        : all(`finalizers[${i}]`, finalizer, ['name is neither a standard finalizer name nor is it fully qualified']),
    ),
  ]
}

/** Replaces a prefix's trailing dash, as Kubernetes does, because more characters will follow the prefix. */
function withoutTrailingDash(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -2)}a` : prefix
}

/** Returns the version in an apiVersion of the form GROUP/VERSION or VERSION, or an empty string for any other string. */
function versionOf(apiVersion: string): string {
  const parts = apiVersion.split('/')
  return parts.length > 2 ? '' : (parts.at(-1) ?? '')
}

function validateOwners(owners: readonly OwnerReference[]): FieldError[] {
  const at = 'metadata.ownerReferences'
  let controller: string | undefined
  return owners.flatMap((owner) => {
    const { apiVersion, kind, name } = owner
    const empty = (['kind', 'name', 'uid'] as const).filter((key) => !owner[key])
    const errors = [
      ...(versionOf(apiVersion ?? '') === '' ? [invalid(`${at}.apiVersion`, apiVersion ?? '', 'version must not be empty')] : []),
      ...empty.map((key) => invalid(`${at}.${key}`, '', 'must not be empty')),
    ]
    if ((apiVersion === 'v1' || apiVersion === '/v1') && kind === 'Event') {
      errors.push(invalidJson(at, ownerJson(owner), '/v1, Kind=Event is disallowed from being an owner'))
    }
    if (owner.controller !== true) return errors
    const both = `Found "true" in references for ${controller} and ${kind ?? ''}/${name ?? ''}`
    if (controller !== undefined) {
      errors.push(invalidJson(at, owners.map(ownerJson), `Only one reference can have Controller set to true. ${both}`))
    } else controller = `${kind ?? ''}/${name ?? ''}`
    return errors
  })
}

function ownerJson({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }: OwnerReference): unknown {
  return {
    apiVersion: apiVersion ?? '',
    kind: kind ?? '',
    name: name ?? '',
    uid: uid ?? '',
    ...(controller != null && { controller }),
    ...(blockOwnerDeletion != null && { blockOwnerDeletion }),
  }
}

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion']

function validateFinalizers(finalizers: readonly string[]): FieldError[] {
  const at = 'metadata.finalizers'
  const errors = finalizers.flatMap((finalizer) => qualifiedNameErrors(finalizer).map((error) => invalid(at, finalizer, error)))
  if (!finalizers.includes('orphan') || !finalizers.includes('foregroundDeletion')) return errors
  return [...errors, invalidJson(at, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set')]
}

const maxManagerBytes = 128
const maxSubresourceBytes = 256

function validateManagedFields(entries: readonly z.infer<typeof managedFields>[]): FieldError[] {
  return entries.flatMap(({ operation, fieldsType, manager, subresource }, i) => {
    const at = `metadata.managedFields[${i}]`
    const isKnown = operation === 'Apply' || operation === 'Update'
    const marks = [...(manager ?? '').matchAll(/(?! )[\p{C}\p{Z}]/gu)]
    return [
      ...(isKnown ? [] : [invalidJson(`${at}.operation`, operation ?? '', 'must be `Apply` or `Update`')]),
      ...(!fieldsType || fieldsType === 'FieldsV1' ? [] : [invalid(`${at}.fieldsType`, fieldsType, 'must be `FieldsV1`')]),
      ...(byteLength(manager ?? '') > maxManagerBytes ? [tooLong(`${at}.manager`, maxManagerBytes)] : []),
      ...marks.map(({ 0: mark, index }) => {
        const code = (mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
        const position = byteLength((manager ?? '').slice(0, index))
        return invalid(`${at}.manager`, manager ?? '', `invalid character U+${code} (at position ${position})`)
      }),
      ...(byteLength(subresource ?? '') > maxSubresourceBytes ? [tooLong(`${at}.subresource`, maxSubresourceBytes)] : []),
    ]
  })
}
