import { describe, expect, test } from 'vitest'
import { defaultFeatureGates } from '../core/types.ts'
import { dnsLabelError, dnsSubdomainError, pathSegmentErrors, resourceNameError } from './names.ts'
import { v2Schema } from './v2.ts'
import { validateSpec } from './validate.ts'

/** `field type` of every error of a specification that is in order but for `change`. */
function errorsOf(change: Record<string, unknown>): string[] {
  const spec = { scaleTargetRef: { kind: 'Deployment', name: 'ws' }, minReplicas: 1, maxReplicas: 5, ...change }
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
    [{ maxReplicas: 0 }, ['maxReplicas FieldValueInvalid', 'maxReplicas FieldValueInvalid']],
    [{ maxReplicas: null }, ['maxReplicas FieldValueInvalid', 'maxReplicas FieldValueInvalid']],
    [{ scaleTargetRef: null }, ['scaleTargetRef.kind FieldValueRequired', 'scaleTargetRef.name FieldValueRequired']],
    [
      { scaleTargetRef: { kind: '..', name: 'a/b%' } },
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
    // The type is not compared with the number that is given.
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
      ['containerResource.name FieldValueInvalid', 'containerResource.container FieldValueInvalid'],
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

test('names follow the rules of their kind', () => {
  expect(['m', '.', '..', 'a/b', '%', '/%'].map((name) => pathSegmentErrors(name).length)).toEqual([0, 1, 1, 1, 1, 2])
  expect(['ws', 'w-s1', 'Ws', '-w', '', 'a.b', 'a'.repeat(64)].map((name) => dnsLabelError(name) === null)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ])
  expect(['a.b-c', 'a..b', 'A', 'a'.repeat(254)].map((name) => dnsSubdomainError(name) === null)).toEqual([true, false, false, false])
  const resources = ['cpu', 'memory', 'hugepages-2Mi', 'example.com/gpu', 'gpu', '/gpu', 'a/b/c']
  expect(resources.map((name) => resourceNameError(name) === null)).toEqual([true, true, true, true, false, false, false])
})
