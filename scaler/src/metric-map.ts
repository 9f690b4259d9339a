/** Parses the mapping file, which maps a HorizontalPodAutoscaler's metrics to PromQL. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { parse } from 'yaml'
import { z } from 'zod'
import { selectorProblem } from './core/selector.ts'
import type { HorizontalPodAutoscaler, LabelSelector, MetricSpec } from './core/types.ts'

const resourceRule = z.strictObject({
  name: z.string().min(1),
  query: z.string().min(1),
  /** Averaging window of the query, in seconds; 0 for an instant value. */
  windowSeconds: z.number().min(0).max(3600),
  /** Query for the Unix time of each replica's newest sample. */
  timeQuery: z.string().min(1),
})
const customRule = z.strictObject({ name: z.string().min(1), query: z.string().min(1) })
/** The queries for the metrics of one service, or of every service. */
const rules = {
  resource: z.array(resourceRule).default([]),
  pods: z.array(customRule).default([]),
  object: z.array(customRule).default([]),
  external: z.array(customRule).default([]),
}
const schema = z.strictObject({
  /** Query for the draining replicas; empty if no replica reports that it is draining. */
  draining: z.string().default(''),
  /** Queries with which `replay` reads past replica data from Prometheus; each returns one series per replica. */
  recorded: z
    .strictObject({
      /** Query for the existing replicas. */
      replicas: z.string().min(1),
      /** Query whose result is 1 for each ready replica. */
      ready: z.string().min(1),
      /** Query for each replica's start time, in Unix seconds. */
      started: z.string().min(1),
    })
    .default({ replicas: '', ready: '', started: '' }),
  /** Resources whose usage is read from Docker instead of Prometheus. */
  docker: z.array(z.enum(['cpu', 'memory'])).default([]),
  ...rules,
  /** Queries for single Compose services, by name; they take precedence over the general ones. */
  services: z.record(z.string(), z.strictObject({ draining: z.string().min(1).optional(), ...rules })).default({}),
})

export type MetricMap = z.infer<typeof schema>
export type ResourceRule = z.infer<typeof resourceRule>

/**
 * Parses the mapping file. Returns the mapping file's content, or all errors in the file.
 * @param file file name to show in the error messages
 */
export function readMetricMap(text: string, file: string): Result<MetricMap> {
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    return failure(`${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return success(parsed.data)
  return failure(...parsed.error.issues.map(({ path, message }) => `${file}: ${path.join('.') || 'document'}: ${message}`))
}

/** Returns the queries that apply to a service: its own ones, and those general ones that it does not replace. */
export function mapFor(map: MetricMap, service: string): MetricMap {
  const own = map.services[service]
  if (own === undefined) return map
  const both = <Rule extends { readonly name: string }>(mine: readonly Rule[], general: readonly Rule[]) => [
    ...mine,
    ...general.filter(({ name }) => !mine.some((rule) => rule.name === name)),
  ]
  return {
    ...map,
    draining: own.draining ?? map.draining,
    resource: both(own.resource, map.resource),
    pods: both(own.pods, map.pods),
    object: both(own.object, map.object),
    external: both(own.external, map.external),
    // A resource with a query of its own is not read from Docker.
    docker: map.docker.filter((name) => !own.resource.some((rule) => rule.name === name)),
  }
}

/** Returns one line for each of an autoscaler's metrics that cannot be read, because the mapping file has no query for it. */
export function queryProblems(map: MetricMap, { metrics, scaleTargetRef }: HorizontalPodAutoscaler): string[] {
  const own = mapFor(map, scaleTargetRef.name)
  return metrics.flatMap((metric) => {
    if ('name' in metric && own.docker.some((name) => name === metric.name)) return []
    const query = queryFor(own, metric)
    return query.ok ? [] : query.problems
  })
}

/** Returns the PromQL query for a metric. Fails if the mapping file has no query for the metric or the metric's selector is invalid. */
export function queryFor(map: MetricMap, metric: MetricSpec): Result<string> {
  if (metric.type === 'Resource' || metric.type === 'ContainerResource') {
    const rule = map.resource.find(({ name }) => name === metric.name)
    return rule ? success(rule.query) : unknown('resource', metric.name, map.resource)
  }
  const kind = metric.type === 'Pods' ? 'pods' : metric.type === 'Object' ? 'object' : 'external'
  const { name, selector } = metric.metric
  const rule = map[kind].find((one) => one.name === name)
  if (!rule) return unknown(kind, name, map[kind])
  const problem = selectorProblem(selector)
  if (problem !== null) return failure(problem)
  const object = metric.type === 'Object' ? metric.describedObject.name : ''
  const query = rule.query
    .replaceAll('<<.Series>>', name)
    .replaceAll('<<.LabelMatchers>>', matchersOf(selector))
    .replaceAll('<<.Object>>', object)
  return success(query)
}

function unknown(kind: string, name: string, rules: readonly { readonly name: string }[]): Result<never> {
  const known = rules.map((rule) => rule.name).join(', ') || 'none'
  return failure(`the mapping file has no ${kind} metric ${name}; it has: ${known}`)
}

/** Converts a valid selector to PromQL label matchers without braces. An empty selector results in an empty string. */
export function matchersOf(selector: LabelSelector = {}): string {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([label, value]) => `${label}=${JSON.stringify(value)}`)
  const others = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return `${key}!=""`
    if (operator === 'DoesNotExist') return `${key}=""`
    const pattern = values.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
    return `${key}${operator === 'NotIn' ? '!~' : '=~'}${JSON.stringify(pattern)}`
  })
  return [...equal, ...others].join(',')
}
