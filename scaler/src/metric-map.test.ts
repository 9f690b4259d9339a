import { failure, success } from '@lab/contract/result.ts'
import { expect, test } from 'vitest'
import type { MetricSpec } from './core/types.ts'
import { hpaFixture, podsMetric } from './fakes/hpa-fixture.ts'
import { mapFor, matchersOf, queryFor, queryProblems, readMetricMap } from './metric-map.ts'

const text = `
draining: up == 1
recorded: { replicas: up, ready: ready, started: started }
resource: [{ name: cpu, windowSeconds: 20, query: 'rate(x[20s])', timeQuery: timestamp(x) }]
pods: [{ name: a, query: 'sum by (replica) (<<.Series>>{job="ws",<<.LabelMatchers>>})' }]
object: [{ name: b, query: 'b{service="<<.Object>>"}' }]
`
const target = { type: 'AverageValue', averageValueMilli: 1 }
const mapOf = (yaml: string) => {
  const read = readMetricMap(yaml, 'metrics.yaml')
  if (!read.ok) throw new Error(read.problems.join())
  return read.value
}

test('replaces the placeholders for series, selector and object', () => {
  const pods: MetricSpec = { type: 'Pods', metric: { name: 'a', selector: { matchLabels: { type: 'x' } } }, target }
  expect(queryFor(mapOf(text), pods)).toEqual(success('sum by (replica) (a{job="ws",type="x"})'))
  const object: MetricSpec = { type: 'Object', metric: { name: 'b' }, describedObject: { kind: 'Ingress', name: 'main' }, target }
  expect(queryFor(mapOf(text), object)).toEqual(success('b{service="main"}'))
})

test('lists the known metrics when a metric is missing', () => {
  expect(queryFor(mapOf(text), { type: 'Pods', metric: { name: 'z' }, target })).toEqual(
    failure('the mapping file has no pods metric z; it has: a'),
  )
  expect(queryFor(mapOf(text), { type: 'Resource', name: 'memory', target })).toEqual(
    failure('the mapping file has no resource metric memory; it has: cpu'),
  )
})

test('converts every operator of a selector', () => {
  const matchExpressions = [
    { key: 'a', operator: 'In', values: ['x', 'y.z'] },
    { key: 'b', operator: 'NotIn', values: ['q'] },
    { key: 'c', operator: 'Exists' },
    { key: 'd', operator: 'DoesNotExist' },
  ]
  expect(matchersOf({ matchExpressions })).toBe('a=~"x|y\\\\.z",b!~"q",c!="",d=""')
})

test('fails for an invalid selector', () => {
  const selector = { matchExpressions: [{ key: 'a', operator: 'Foo' }] }
  expect(queryFor(mapOf(text), { type: 'Pods', metric: { name: 'a', selector }, target })).toEqual(
    failure('"Foo" is not a valid label selector operator'),
  )
})

test('needs no queries if Docker is the source of all resources', () => {
  expect(mapOf('docker: [cpu, memory]')).toMatchObject({ draining: '', docker: ['cpu', 'memory'], resource: [] })
  expect(readMetricMap('docker: [disk]', 'm.yaml')).toEqual(failure(expect.stringMatching(/^m.yaml: docker.0: .*"cpu"\|"memory"/)))
})

test('refuses unknown fields', () => {
  const recorded = 'draining: up\nrecorded: { replicas: up, ready: up, started: up }\n'
  expect(readMetricMap(`${recorded}pods: [{ name: a }]`, 'm.yaml')).toEqual(failure(expect.stringContaining('m.yaml: pods.0.query')))
  expect(readMetricMap(`${recorded}extra: 1`, 'm.yaml')).toEqual(failure(expect.stringContaining('extra')))
  expect(readMetricMap('a: [', 'm.yaml')).toEqual(failure(expect.stringContaining('m.yaml')))
})

test("a service's own queries take precedence, and the general ones apply to all other metrics and services", () => {
  const map = mapOf(`${text}
docker: [memory]
services:
  worker:
    draining: worker_draining
    resource: [{ name: memory, windowSeconds: 0, query: rss, timeQuery: timestamp(rss) }]
    pods: [{ name: a, query: own }, { name: c, query: more }]
`)
  const worker = mapFor(map, 'worker')
  expect(worker).toMatchObject({ draining: 'worker_draining', docker: [] })
  expect(worker.resource.map(({ name }) => name)).toEqual(['memory', 'cpu'])
  expect(['a', 'c'].map((name) => queryFor(worker, podsMetric(name, 1)))).toEqual([success('own'), success('more')])
  expect(mapFor(map, 'ws')).toEqual(map)
  const metrics: MetricSpec[] = [podsMetric('c', 1), { type: 'Resource', name: 'memory', target }]
  const scaling = (name: string) => hpaFixture({ metrics, scaleTargetRef: { kind: 'Deployment', name } })
  expect(queryProblems(map, scaling('worker'))).toEqual([])
  expect(queryProblems(map, scaling('ws'))).toEqual(['the mapping file has no pods metric c; it has: a'])
})
