/** Enables and disables the Compose profiles for logs and traces, and queries Loki and Jaeger. */
import { readFileSync } from 'node:fs'
import { logsOfConnection } from '@lab/contract/telemetry.ts'
import { root } from './compose-file.ts'
import { compose, expectedServices, type Stack, url } from './stack.ts'

const withinSeconds = 120

/** Enables a Compose profile and the tracing of every message, which recreates the replicas and the router. */
export async function switchOn(stack: Stack, profile: string, service: string): Promise<void> {
  const up = ['up', '--detach', '--no-build', '--wait', '--wait-timeout', '90', ...expectedServices(stack), service]
  await compose(stack, up, { withinSeconds, env: { COMPOSE_PROFILES: profile, OTEL_TRACES_SAMPLER_ARG: '1' } })
}

/** Disables all profiles. */
export async function switchOff(stack: Stack, profile: string, service: string): Promise<void> {
  await compose(stack, ['up', '--detach', '--no-build', '--wait', '--wait-timeout', '90', ...expectedServices(stack)], { withinSeconds })
  await compose(stack, ['rm', '--stop', '--force', '--volumes', service], { withinSeconds, env: { COMPOSE_PROFILES: profile } })
}

/** A log line in Loki. */
export interface LogLine {
  /** The log line's stream labels and structured metadata. */
  fields: Record<string, string>
  text: string
}

/** Returns a connection's log lines from the last ten minutes, oldest first. */
export async function logsOf(stack: Stack, connectionId: string): Promise<LogLine[]> {
  const data = await askLoki<{ stream: Record<string, string>; values: [string, string][] }>(stack, logsOfConnection(connectionId))
  const lines = data.flatMap(({ stream, values }) => values.map(([at, text]) => ({ at: BigInt(at), fields: stream, text })))
  return lines.sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ fields, text }) => ({ fields, text }))
}

/** Returns the result of a LogQL query over the last ten minutes, as streams or series. */
export async function askLoki<T>(stack: Stack, query: string): Promise<T[]> {
  const parameters = new URLSearchParams({ query, since: '10m', limit: '100', direction: 'forward' })
  const response = await fetch(`${url(stack, 'LOKI_PORT', '/loki/api/v1/query_range')}?${parameters}`, {
    signal: AbortSignal.timeout(10_000),
  })
  if (!response.ok) throw new Error(`Loki answers ${response.status}: ${await response.text()}`)
  return ((await response.json()) as { data: { result: T[] } }).data.result
}

/** Returns all queries of the Logs dashboard, as Grafana would send them, by panel title. */
export function logsPageQueries(connectionId: string): { title: string; query: string }[] {
  const page = JSON.parse(readFileSync(`${root}grafana/provisioning/dashboards/logs/lab-logs.json`, 'utf8')) as {
    panels: { title: string; datasource?: { type: string }; targets?: { expr: string }[] }[]
  }
  const values: Record<string, string> = { __auto: '1m', instance: '.+', connection: connectionId, search: '' }
  const filled = (expr: string) => expr.replaceAll(/\$(\w+)/g, (written, name: string) => values[name] ?? written)
  const panels = page.panels.filter(({ datasource }) => datasource?.type === 'loki')
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, query: filled(expr) })))
}

/** A span in Jaeger. */
export interface FoundSpan {
  id: string
  name: string
  /** The name of the service that created the span: Traefik or ws. */
  service: string
  replica: string | undefined
  /** The id of the parent span; undefined for a root span. */
  parent: string | undefined
  tags: Record<string, unknown>
}

interface JaegerTrace {
  traceID: string
  processes: Record<string, { serviceName: string; tags: { key: string; value: unknown }[] }>
  spans: {
    spanID: string
    operationName: string
    processID: string
    references: { refType: string; spanID: string }[]
    tags: { key: string; value: unknown }[]
  }[]
}

/** Returns all spans of a trace, or an empty list if Jaeger does not have that trace. */
export async function spansOf(stack: Stack, traceId: string): Promise<FoundSpan[]> {
  const [trace] = await traces(stack, `/api/traces/${traceId}`)
  return trace === undefined ? [] : read(trace)
}

/** Returns the ids of recent traces that contain a span from the `ws` service with the given tag value. */
export async function tracesWith(stack: Stack, tag: string, value: string): Promise<string[]> {
  const parameters = new URLSearchParams({ service: 'ws', tags: JSON.stringify({ [tag]: value }), lookback: '10m', limit: '20' })
  return (await traces(stack, `/api/traces?${parameters}`)).map(({ traceID }) => traceID)
}

async function traces(stack: Stack, path: string): Promise<JaegerTrace[]> {
  const response = await fetch(url(stack, 'JAEGER_PORT', path), { signal: AbortSignal.timeout(10_000) })
  if (response.status === 404) return []
  if (!response.ok) throw new Error(`Jaeger answers ${response.status}: ${await response.text()}`)
  return ((await response.json()) as { data: JaegerTrace[] | null }).data ?? []
}

function read({ spans, processes }: JaegerTrace): FoundSpan[] {
  return spans.map(({ spanID, operationName, processID, references, tags }) => {
    const process = processes[processID]
    return {
      id: spanID,
      name: operationName,
      service: process?.serviceName ?? '',
      replica: process?.tags.find(({ key }) => key === 'service.instance.id')?.value as string | undefined,
      parent: references.find(({ refType }) => refType === 'CHILD_OF')?.spanID,
      tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
    }
  })
}
