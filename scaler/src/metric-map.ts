/** The mapping file: which PromQL stands for which metric of a HorizontalPodAutoscaler. Pure. */
import { parse } from 'yaml'
import { z } from 'zod'
import type { LabelSelector, MetricSpec } from './core/types.ts'

const resourceRule = z.strictObject({
  name: z.string().min(1),
  query: z.string().min(1),
  /** Over how long the query averages; 0 for a momentary value. */
  windowSeconds: z.number().min(0).max(3600),
  /** Gives the Unix time of each replica's newest sample. */
  timeQuery: z.string().min(1),
})
const customRule = z.strictObject({ name: z.string().min(1), query: z.string().min(1) })
const schema = z.strictObject({
  draining: z.string().min(1),
  /** What Docker says of replicas, as far as Prometheus has it on record: one series per replica. Only replay asks. */
  recorded: z.strictObject({
    /** Those that are there. */
    replicas: z.string().min(1),
    /** 1: ready. */
    ready: z.string().min(1),
    /** Unix time of the start. */
    started: z.string().min(1),
  }),
  resource: z.array(resourceRule).default([]),
  /** Resources that Docker is asked for instead. */
  docker: z.array(z.enum(['memory'])).default([]),
  pods: z.array(customRule).default([]),
  object: z.array(customRule).default([]),
  external: z.array(customRule).default([]),
})

export type MetricMap = z.infer<typeof schema>
export type ResourceRule = z.infer<typeof resourceRule>

/** The file's content, or every problem with it. `file` is for the messages. */
export function readMetricMap(text: string, file: string): { readonly map: MetricMap } | { readonly problems: readonly string[] } {
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    return { problems: [`${file}: ${error instanceof Error ? error.message : String(error)}`] }
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return { map: parsed.data }
  return { problems: parsed.error.issues.map(({ path, message }) => `${file}: ${path.join('.') || 'document'}: ${message}`) }
}

/** The PromQL for a metric, placeholders filled in, or why there is none. */
export function queryFor(map: MetricMap, metric: MetricSpec): { readonly query: string } | { readonly error: string } {
  if (metric.type === 'Resource' || metric.type === 'ContainerResource') {
    const rule = map.resource.find(({ name }) => name === metric.name)
    return rule ? { query: rule.query } : unknown('resource', metric.name, map.resource)
  }
  const kind = metric.type === 'Pods' ? 'pods' : metric.type === 'Object' ? 'object' : 'external'
  const { name, selector } = metric.metric
  const rule = map[kind].find((one) => one.name === name)
  if (!rule) return unknown(kind, name, map[kind])
  const object = metric.type === 'Object' ? metric.describedObject.name : ''
  const query = rule.query
    .replaceAll('<<.Series>>', name)
    .replaceAll('<<.LabelMatchers>>', matchersOf(selector))
    .replaceAll('<<.Object>>', object)
  return { query }
}

function unknown(kind: string, name: string, rules: readonly { readonly name: string }[]): { error: string } {
  const known = rules.map((rule) => rule.name).join(', ') || 'none'
  return { error: `the mapping file has no ${kind} metric ${name}; it has: ${known}` }
}

/** A selector as PromQL's matchers, without braces; empty when nothing is selected. */
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
