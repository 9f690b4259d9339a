/**
 * Tests the logs in Loki: the log lines of the router and the replicas can be found by connection id within seconds.
 * Unless the Compose profile `logging` is active, no logs are sent to Loki.
 */

import { services } from '@lab/contract/endpoints.ts'
import { edgeRequestId, fields, profiles } from '@lab/contract/telemetry.ts'
import { docker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { addFigure } from '../lib/figures.ts'
import { openSocket } from './lib/socket.ts'
import { compose, containers, url } from './lib/stack.ts'
import { askLoki, type LogLine, logsOf, logsPageQueries, switchOff, switchOn } from './lib/telemetry.ts'

const stack = inject('stack')

interface TraefikConfiguration {
  accessLog: { otlp?: { http: { endpoint: string } } }
  experimental?: object
  tracing?: object
}

/** Reads and parses the running router's configuration file. */
async function routerConfiguration(): Promise<TraefikConfiguration> {
  return parse(await compose(stack, ['exec', '--no-TTY', services.traefik, 'cat', '/tmp/traefik.yaml'])) as TraefikConfiguration
}

/** Returns the environment variable TELEMETRY of each replica, as `NAME=value` or an empty string. */
async function replicasSend(): Promise<string[]> {
  const replicas = await containers(stack, services.ws)
  const environments = replicas.map(({ Id }) => docker(['inspect', '--format', '{{json .Config.Env}}', Id]))
  return (await Promise.all(environments)).map((env) => (JSON.parse(env) as string[]).find((line) => line.startsWith('TELEMETRY=')) ?? '')
}

test('without a profile, router and replicas have no telemetry endpoint', async () => {
  const { accessLog, experimental, tracing } = await routerConfiguration()
  expect({ otlp: accessLog.otlp, experimental, tracing }).toEqual({ otlp: undefined, experimental: undefined, tracing: undefined })
  expect([...new Set(await replicasSend())]).toEqual(['TELEMETRY='])
})

describe.skipIf(services.loki in stack.missing)(`with the profile ${profiles.logging}`, () => {
  beforeAll(() => switchOn(stack, profiles.logging, services.loki), 150_000)
  afterAll(() => switchOff(stack, profiles.logging, services.loki), 150_000)

  /** Waits for a log line. @returns the log line, and how long it took to find it */
  async function found(what: string, connectionId: string, is: (line: LogLine) => boolean) {
    const startedAt = performance.now()
    const line = await until(what, async () => (await logsOf(stack, connectionId)).find(is), { withinMs: 20_000, everyMs: 100 })
    return { line, seconds: (performance.now() - startedAt) / 1000 }
  }

  test('traces are still disabled', async () => {
    const { accessLog, tracing } = await routerConfiguration()
    expect(accessLog.otlp?.http.endpoint).toContain(services.loki)
    expect(tracing).toBeUndefined()
  })

  test('one connection id finds the lines of replica and router within 5 s', async () => {
    const other = await openSocket(stack)
    const socket = await openSocket(stack)
    const opened = await found('opened', socket.connectionId, ({ text }) => text === 'connection opened')
    expect(opened.seconds).toBeLessThan(5)
    expect(opened.line.fields).toMatchObject({ service_name: services.ws, [fields.replica]: socket.replica })

    await socket.close()
    const edge = await found('the line of the router', socket.connectionId, (line) => line.fields.service_name === services.traefik)
    const closed = await found('closed', socket.connectionId, ({ text }) => text === 'connection closed')
    expect(Math.max(edge.seconds, closed.seconds)).toBeLessThan(5)
    addFigure('secondsUntilLogsAreFound', Math.max(opened.seconds, edge.seconds, closed.seconds))
    // The router's and the replica's log lines also contain the request id.
    expect(edge.line.fields[edgeRequestId]).toBe(opened.line.fields[fields.requestId])

    const lines = await logsOf(stack, socket.connectionId)
    expect(lines.map(({ fields: { service_name } }) => service_name).sort()).toEqual([services.traefik, services.ws, services.ws])
    expect(lines.some((line) => JSON.stringify(line).includes(other.connectionId))).toBe(false)
    await other.close()
  })

  test('every panel of the page Logs has data', async () => {
    const socket = await openSocket(stack)
    await socket.close()
    await found('closed', socket.connectionId, ({ text }) => text === 'connection closed')
    const queries = logsPageQueries(socket.connectionId)
    expect(queries.length).toBeGreaterThan(3)
    const empty: string[] = []
    for (const { title, query } of queries) if ((await askLoki(stack, query)).length === 0) empty.push(title)
    // A healthy lab logs no warnings or errors.
    expect(empty.filter((title) => title !== 'Warnings and errors by replica')).toEqual([])
  })

  test('replicas also write to standard output', async () => {
    const socket = await openSocket(stack)
    await until('the line', async () => (await compose(stack, ['logs', '--no-log-prefix', services.ws])).includes(socket.connectionId), {
      withinMs: 10_000,
    })
    await socket.close()
  })

  test('retention is limited, and Loki sends no usage reports', async () => {
    const response = await fetch(url(stack, 'LOKI_PORT', '/config'))
    const config = parse(await response.text()) as {
      limits_config: { retention_period: string; retention_stream: object[]; ingestion_rate_mb: number }
      compactor: { retention_enabled: boolean }
      analytics: { reporting_enabled: boolean }
    }
    expect(config.limits_config).toMatchObject({ retention_period: '2w', ingestion_rate_mb: 2 })
    expect(config.limits_config.retention_stream).toEqual([expect.objectContaining({ period: '30d' })])
    expect(config.compactor.retention_enabled).toBe(true)
    expect(config.analytics.reporting_enabled).toBe(false)
  })
})
