import { hpaFixture, podsMetric } from '@lab/scaler/fakes/hpa-fixture.ts'
import { expect, test } from 'vitest'
import { representable } from './compressed.ts'
import { metricsAnswer } from './metrics-api.ts'
import { podObject, podStatus } from './objects.ts'

const describedObject = { apiVersion: 'v1', kind: 'Service', name: 'ws' }
const hpa = hpaFixture({
  metrics: [
    podsMetric('connections', 100),
    { type: 'Object', metric: { name: 'requests' }, describedObject, target: { type: 'Value', valueMilli: 1000 } },
    { type: 'External', metric: { name: 'queue' }, target: { type: 'AverageValue', averageValueMilli: 1000 } },
  ],
})
const pod = {
  name: 'Lab_ws-1',
  phase: 'Running',
  deleting: false,
  startTimeSeconds: 100.9,
  ready: { status: 'True', sinceSeconds: 108.2 },
  containers: [],
  sample: { timeSeconds: 190.7, windowSeconds: 4, usageMilli: { ws: { cpu: 195, memory: 1_024_000 } } },
  valuesMilli: { connections: 1500 },
} as const
const observation = representable({
  timeSeconds: 200,
  scale: { specReplicas: 2, statusReplicas: 2 },
  pods: [pod, { ...pod, name: 'ws-2', sample: null, valuesMilli: {} }],
  objectValuesMilli: { 'requests of Service/ws': 2500 },
  externalValuesMilli: { queue: [7000, -1] },
})
const ask = (path: string) => metricsAnswer(path, (namespace) => (namespace === 'open' ? { hpa, observation } : undefined), 200.5)

test('the resource metrics have one entry per pod with a sample, in whole seconds', () => {
  expect(ask('/apis/metrics.k8s.io/v1beta1/namespaces/open/pods')).toMatchObject({
    kind: 'PodMetricsList',
    items: [
      {
        metadata: { name: 'lab-ws-1', namespace: 'open' },
        timestamp: '1970-01-01T00:03:10Z',
        window: '4s',
        containers: [{ name: 'ws', usage: { cpu: '195m', memory: '1024000m' } }],
      },
    ],
  })
})

test('a pods metric has one entry per pod with a value', () => {
  expect(ask('/apis/custom.metrics.k8s.io/v1beta2/namespaces/open/pods/%2A/connections')).toMatchObject({
    items: [{ describedObject: { kind: 'Pod', name: 'lab-ws-1' }, metric: { name: 'connections' }, value: '1500m' }],
  })
})

test('an object metric and an external metric have their values', () => {
  expect(ask('/apis/custom.metrics.k8s.io/v1beta2/namespaces/open/services/ws/requests')).toMatchObject({ items: [{ value: '2500m' }] })
  expect(ask('/apis/external.metrics.k8s.io/v1beta1/namespaces/open/queue')).toMatchObject({
    items: [{ value: '7000m' }, { value: '-1m' }],
  })
})

test.each([
  '/apis/custom.metrics.k8s.io/v1beta2/namespaces/open/pods/*/other',
  '/apis/custom.metrics.k8s.io/v1beta2/namespaces/other/pods/*/connections',
  '/apis/external.metrics.k8s.io/v1beta1/namespaces/open/connections',
  '/apis/custom.metrics.k8s.io/v1beta1',
  '/apis',
])('%s is not found', (path) => {
  expect(ask(path)).toBeUndefined()
})

test('the API server can discover each group', () => {
  expect(ask('/apis/metrics.k8s.io/v1beta1')).toMatchObject({ kind: 'APIResourceList', groupVersion: 'metrics.k8s.io/v1beta1' })
})

test('a pod has a valid name, a container, and times in whole seconds', () => {
  const [first] = observation.pods
  if (first === undefined) throw new Error('no pod')
  expect(podObject(first)).toMatchObject({ metadata: { name: 'lab-ws-1' }, spec: { containers: [{ name: 'main' }] } })
  expect(podStatus(first)).toEqual({
    phase: 'Running',
    startTime: '1970-01-01T00:01:40Z',
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '1970-01-01T00:01:48Z' }],
  })
})
