import { describe, expect, test } from 'vitest'
import { fieldErrorText } from '../core/field-error.ts'
import { defaultFeatureGates } from '../core/types.ts'
import { validateMetadata } from './metadata.ts'
import { v2Schema } from './v2.ts'
import { validateSpec } from './validate.ts'

/** Returns a string of the form `field type` for each validation error in a spec that is valid except for the given fields. */
function errorsOf(change: Record<string, unknown>): string[] {
  const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'ws' }, minReplicas: 1, maxReplicas: 5, ...change }
  const document = v2Schema.parse({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', spec })
  return validateSpec(document.spec ?? {}, defaultFeatureGates).map(({ field, type }) => `${field.replace('spec.', '')} ${type}`)
}

test('a plain specification has no errors', () => {
  expect(errorsOf({})).toEqual([])
})

describe('counts and reference', () => {
  test.each<[Record<string, unknown>, string[]]>([
    [{ minReplicas: 5 }, []],
    [{ minReplicas: 6 }, ['maxReplicas FieldValueInvalid']],
    [{ minReplicas: 0 }, ['minReplicas FieldValueInvalid', 'metrics FieldValueForbidden']],
    [{ minReplicas: -1 }, ['minReplicas FieldValueInvalid']],
    [{ maxReplicas: 0 }, ['maxReplicas FieldValueRequired', 'maxReplicas FieldValueInvalid']],
    [{ maxReplicas: null }, ['maxReplicas FieldValueRequired', 'maxReplicas FieldValueInvalid']],
    [
      { scaleTargetRef: null },
      ['scaleTargetRef.kind FieldValueRequired', 'scaleTargetRef.name FieldValueRequired', 'scaleTargetRef.apiVersion FieldValueInvalid'],
    ],
    [{ scaleTargetRef: { apiVersion: 'v1', kind: 'Deployment', name: 'x' } }, ['scaleTargetRef.apiVersion FieldValueInvalid']],
    [{ scaleTargetRef: { apiVersion: '/v1', kind: 'Deployment', name: 'x' } }, ['scaleTargetRef.apiVersion FieldValueInvalid']],
    [{ scaleTargetRef: { apiVersion: 'v1', kind: 'ReplicationController', name: 'x' } }, []],
    [{ scaleTargetRef: { kind: 'ReplicationController', name: 'x' } }, []],
    [
      { scaleTargetRef: { apiVersion: 'apps/v1', kind: '..', name: 'a/b%' } },
      ['scaleTargetRef.kind FieldValueInvalid', 'scaleTargetRef.name FieldValueInvalid', 'scaleTargetRef.name FieldValueInvalid'],
    ],
    [{ scaleTargetRef: { apiVersion: 'a/b/c', kind: 'X', name: 'x' } }, ['scaleTargetRef.apiVersion FieldValueInvalid']],
  ])('%j', (change, errors) => {
    expect(errorsOf(change)).toEqual(errors)
  })
})

describe('behavior', () => {
  test.each<[Record<string, unknown>, string[]]>([
    [{}, []],
    [{ stabilizationWindowSeconds: 3600, selectPolicy: 'Min', tolerance: 2 }, []],
    [{ stabilizationWindowSeconds: 3601 }, ['stabilizationWindowSeconds FieldValueInvalid']],
    [{ stabilizationWindowSeconds: -1 }, ['stabilizationWindowSeconds FieldValueInvalid']],
    [{ selectPolicy: 'min' }, ['selectPolicy FieldValueNotSupported']],
    [{ policies: [] }, ['policies FieldValueRequired']],
    [{ policies: [], selectPolicy: 'Disabled' }, ['policies FieldValueRequired']],
    [{ policies: [{ type: 'Percent', value: 100_000, periodSeconds: 1800 }] }, []],
    [{ policies: [{ type: 'Pods', value: 1, periodSeconds: 1801 }] }, ['policies[0].periodSeconds FieldValueInvalid']],
    [
      { policies: [{}] },
      ['policies[0].type FieldValueNotSupported', 'policies[0].value FieldValueInvalid', 'policies[0].periodSeconds FieldValueInvalid'],
    ],
    [{ tolerance: '-1m' }, ['tolerance FieldValueInvalid']],
    [{ tolerance: 0 }, []],
  ])('%j', (rules, errors) => {
    expect(errorsOf({ behavior: { scaleUp: rules } })).toEqual(errors.map((error) => `behavior.scaleUp.${error}`))
    expect(errorsOf({ behavior: { scaleDown: rules } })).toEqual(errors.map((error) => `behavior.scaleDown.${error}`))
  })
})

describe('metrics', () => {
  const average = { type: 'AverageValue', averageValue: 1 }
  const value = { type: 'Value', value: 1 }
  const object = { kind: 'Ingress', name: 'front' }
  test.each<[Record<string, unknown>, string[]]>([
    [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 1000 } } }, []],
    // A target's type need not match the field that is set.
    [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Value', averageUtilization: 1 } } }, []],
    [{ type: 'Resource', resource: { name: '', target: average } }, ['resource.name FieldValueRequired']],
    [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } },
      ['resource.target.averageUtilization FieldValueRequired'],
    ],
    [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 0 } } },
      ['resource.target.averageUtilization FieldValueInvalid'],
    ],
    [
      { type: 'Resource', resource: { name: 'cpu', target: { ...average, averageUtilization: 5 } } },
      ['resource.target.averageValue FieldValueForbidden'],
    ],
    [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '-1n' } } },
      ['resource.target.averageValue FieldValueInvalid'],
    ],
    [
      { type: 'Resource', resource: { name: 'cpu', target: { averageValue: 1 } } },
      ['resource.target.type FieldValueRequired', 'resource.target.type FieldValueInvalid'],
    ],
    [{ type: 'ContainerResource', containerResource: { name: 'cpu', container: 'ws', target: average } }, []],
    [
      { type: 'ContainerResource', containerResource: { name: 'bogus', container: '---', target: average } },
      ['name', 'name', 'container'].map((field) => `containerResource.${field} FieldValueInvalid`),
    ],
    [
      { type: 'ContainerResource', containerResource: { target: average } },
      ['containerResource.name FieldValueRequired', 'containerResource.container FieldValueRequired'],
    ],
    [{ type: 'Pods', pods: { metric: { name: 'm' }, target: value } }, ['pods.target.averageValue FieldValueRequired']],
    [{ type: 'Pods', pods: { target: average } }, ['pods.metric.name FieldValueRequired']],
    [{ type: 'Object', object: { metric: { name: 'm' }, describedObject: object, target: { ...value, averageValue: 1 } } }, []],
    [
      { type: 'Object', object: { metric: { name: 'm' }, describedObject: object, target: { type: 'Value' } } },
      ['object.target.averageValue FieldValueRequired'],
    ],
    [
      { type: 'Object', object: { metric: { name: 'm' }, target: value } },
      ['object.describedObject.kind FieldValueRequired', 'object.describedObject.name FieldValueRequired'],
    ],
    [
      { type: 'External', external: { metric: { name: 'm' }, target: { ...value, averageValue: 1 } } },
      ['external.target.value FieldValueForbidden'],
    ],
    [
      { type: 'External', external: { metric: { name: 'm' }, target: { type: 'Value' } } },
      ['external.target.averageValue FieldValueRequired'],
    ],
    [
      { type: 'External', external: { metric: { name: 'm' }, target: { type: 'Value', value: 0 } } },
      ['external.target.value FieldValueInvalid'],
    ],
    [{ type: 'External', external: { metric: { name: 'a/b' }, target: value } }, ['external.metric.name FieldValueInvalid']],
    [{ type: 'Pods', resource: { name: 'cpu', target: average } }, ['pods FieldValueRequired']],
    [{ type: 'Pods', pods: { metric: { name: 'm' }, target: average }, resource: { name: 'cpu' } }, ['resource FieldValueForbidden']],
    [{ type: 'Foo' }, ['type FieldValueNotSupported', 'type FieldValueNotSupported']],
    [{}, ['type FieldValueRequired', 'type FieldValueNotSupported', 'type FieldValueNotSupported']],
  ])('%j', (metric, errors) => {
    expect(errorsOf({ metrics: [metric] })).toEqual(errors.map((error) => `metrics[0].${error}`))
  })
})

/** Adds a name to the given metadata and returns the resulting error messages. */
function metadataErrors(given: Record<string, unknown>): string[] {
  const { metadata } = v2Schema.parse({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'ws', ...given } })
  return validateMetadata(metadata ?? {}).map(fieldErrorText)
}

describe('metadata', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a', uid: 'b' }
  test.each<Record<string, unknown>>([
    {
      labels: { a: 'b', 'example.com/A_b.c': '' },
      annotations: { 'Example.com/A': ' anything ' },
      finalizers: ['orphan', 'example.com/a'],
    },
    { generateName: 'ws-', namespace: 'n', generation: 3, ownerReferences: [owner, { ...owner, controller: true }] },
    { labels: null, finalizers: null, managedFields: [{ manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:spec': {} } }] },
  ])('%j is valid', (given) => {
    expect(metadataErrors(given)).toEqual([])
  })

  test.each<[Record<string, unknown>, string[]]>([
    [{ labels: { 'bad key!': 'x' } }, ['labels: Invalid value: "bad key!": name part must consist of']],
    [{ labels: { a: 'has space' } }, ['labels: Invalid value: "has space": a valid label must be an empty string or consist of']],
    [{ annotations: { 'a/b/c': '' } }, ['annotations: Invalid value: "a/b/c": a valid label key must consist of']],
    [{ annotations: { a: 'x'.repeat(2 ** 18) } }, ['annotations: Too long: may not be more than 262144 bytes']],
    [{ finalizers: ['x'] }, ['finalizers[0]: Invalid value: "x": name is neither a standard finalizer name nor is it fully qualified']],
    [
      { finalizers: ['orphan', 'foregroundDeletion'] },
      ['finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and'],
    ],
    [{ ownerReferences: [{ ...owner, uid: '' }] }, ['ownerReferences.uid: Invalid value: "": must not be empty']],
    [{ ownerReferences: [{ ...owner, apiVersion: 'a/b/c' }] }, ['ownerReferences.apiVersion: Invalid value: "a/b/c": version must not be']],
    [{ generation: -1 }, ['generation: Invalid value: -1: must be greater than or equal to 0']],
    [{ namespace: 'a.b' }, ['namespace: Invalid value: "a.b": must not contain dots']],
    [{ name: 'a'.repeat(254) }, [`name: Invalid value: "${'a'.repeat(254)}": must be no more than 253 characters`]],
    [{ managedFields: [{}] }, ['managedFields[0].operation: Invalid value: "": must be `Apply` or `Update`']],
  ])('%# is refused', (given, begins) => {
    const errors = metadataErrors(given)
    expect(errors.map((text, i) => text.slice(0, `metadata.${begins[i]}`.length))).toEqual(begins.map((text) => `metadata.${text}`))
  })

  test.each([{ creationTimestamp: 'yesterday' }, { creationTimestamp: '2026-02-30T00:00:00Z' }, { uid: 5 }, { managedFields: 7 }])(
    '%j does not match the schema',
    (given) => {
      expect(() => metadataErrors(given)).toThrow()
    },
  )
})
