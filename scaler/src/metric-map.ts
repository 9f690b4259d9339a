/** Parses the mapping file, which maps a HorizontalPodAutoscaler's metrics to PromQL. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { parse } from 'yaml'
import { z } from 'zod'
import { selectorProblem } from './core/selector.ts'
import type { LabelSelector, MetricSpec } from './core/types.ts'

const resourceRule = z.strictObject({
  name: z.string().min(1),
  query: z.string().min(1),
  /** Averaging window of the query, in seconds; 0 for an instant value. */
  windowSeconds: z.number().min(0).max(3600),
  /** Query for the Unix time of each replica's newest sample. */
  timeQuery: z.string().min(1),
})
const customRule = z.strictObject({ name: z.string().min(1), query: z.string().min(1) })
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
  resource: z.array(resourceRule).default([]),
  /** Resources whose usage is read from Docker instead of Prometheus. */
  docker: z.array(z.enum(['cpu', 'memory'])).default([]),
  pods: z.array(customRule).default([]),
  object: z.array(customRule).default([]),
  external: z.array(customRule).default([]),
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
