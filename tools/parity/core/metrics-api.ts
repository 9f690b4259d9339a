/** Answers requests for the three metrics APIs from an observation. Pure. */
import { type HorizontalPodAutoscaler, type MetricSpec, type Observation, type PodReadings, seriesKey } from '@lab/scaler/core/types.ts'
import { metricsApis, timestamp } from './objects.ts'

/** What the metrics APIs report in a namespace. */
export interface Reported {
  readonly hpa: HorizontalPodAutoscaler
  readonly observation: Observation
}

/**
 * Returns the response to a request; undefined stands for the status 404.
 * @param reported returns the state of a namespace
 * @param nowSeconds the timestamp of the values of custom and external metrics
 */
export function metricsAnswer(path: string, reported: (namespace: string) => Reported | undefined, nowSeconds: number): object | undefined {
  const [, group, version, , namespace = '', ...rest] = path.split('/').slice(1).map(decodeURIComponent)
  const api = metricsApis.find((one) => one.group === group && one.version === version)
  if (api === undefined) return undefined
  const groupVersion = `${group}/${version}`
  if (namespace === '') return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: resourcesOf(group) }
  const state = reported(namespace)
  if (state === undefined) return undefined
  const now = timestamp(Math.floor(nowSeconds))
  if (group === 'metrics.k8s.io') return podMetrics(state.observation, namespace, groupVersion)
  if (group === 'external.metrics.k8s.io') return externalMetrics(state, rest[0] ?? '', now)
  const [resource, object = '', name = ''] = rest
  return resource === 'pods' && object === '*'
    ? podsMetrics(state, { namespace, name, now })
    : objectMetrics(state, { namespace, name, now })
}

function resourcesOf(group: string | undefined): object[] {
  if (group !== 'metrics.k8s.io') return []
  return [{ name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] }]
}

const readingsOf = ({ pods, orphans = [] }: Observation): readonly PodReadings[] => [...pods, ...orphans]

function podMetrics(observation: Observation, namespace: string, apiVersion: string): object {
  const items = readingsOf(observation).flatMap(({ name, sample }) => {
    if (sample === null) return []
    const containers = Object.entries(sample.usageMilli).map(([container, usage]) => ({
      name: container,
      usage: Object.fromEntries(Object.entries(usage).map(([resource, milli]) => [resource, `${milli}m`])),
    }))
    return [{ metadata: { name, namespace }, timestamp: timestamp(sample.timeSeconds), window: `${sample.windowSeconds}s`, containers }]
  })
  return { kind: 'PodMetricsList', apiVersion, metadata: {}, items }
}

interface Asked {
  readonly namespace: string
  /** Name of the metric. */
  readonly name: string
  readonly now: string
}

function metricNamed<Type extends MetricSpec['type']>({ hpa }: Reported, type: Type, name: string): MetricSpec | undefined {
  return hpa.metrics.find((metric) => metric.type === type && 'metric' in metric && metric.metric.name === name)
}

function podsMetrics(state: Reported, { namespace, name, now }: Asked): object | undefined {
  const metric = metricNamed(state, 'Pods', name)
  if (metric === undefined) return undefined
  const items = readingsOf(state.observation).flatMap((pod) => {
    const milli = pod.valuesMilli[seriesKey(metric)]
    return milli === undefined ? [] : [customValue({ kind: 'Pod', namespace, name: pod.name, apiVersion: '/v1' }, name, now, milli)]
  })
  return customList(items)
}

function objectMetrics(state: Reported, { namespace, name, now }: Asked): object | undefined {
  const metric = metricNamed(state, 'Object', name)
  const milli = metric && state.observation.objectValuesMilli[seriesKey(metric)]
  if (metric?.type !== 'Object' || milli === undefined) return undefined
  return customList([customValue({ ...metric.describedObject, namespace }, name, now, milli)])
}

function customValue(describedObject: object, name: string, now: string, milli: number): object {
  return { describedObject, metric: { name, selector: null }, timestamp: now, value: `${milli}m` }
}

function customList(items: readonly object[]): object {
  return { kind: 'MetricValueList', apiVersion: 'custom.metrics.k8s.io/v1beta2', metadata: {}, items }
}

function externalMetrics(state: Reported, name: string, now: string): object | undefined {
  const metric = metricNamed(state, 'External', name)
  const values = metric && state.observation.externalValuesMilli[seriesKey(metric)]
  if (values === undefined) return undefined
  const items = values.map((milli, i) => ({ metricName: name, metricLabels: { series: String(i) }, timestamp: now, value: `${milli}m` }))
  return { kind: 'ExternalMetricValueList', apiVersion: 'external.metrics.k8s.io/v1beta1', metadata: {}, items }
}
