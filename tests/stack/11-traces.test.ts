/** Tests that a trace in Jaeger contains the router and every replica that delivers a message, and that a panel links to a trace. */

import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { exemplarLabel, fields, profiles, spans } from '@lab/contract/telemetry.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { oneSocketPerReplica, type TestSocket } from './lib/socket.ts'
import { containers, prometheusOf } from './lib/stack.ts'
import { type FoundSpan, spansOf, switchOff, switchOn, tracesWith } from './lib/telemetry.ts'

const stack = inject('stack')

describe.skipIf(services.jaeger in stack.missing)(`with the profile ${profiles.tracing}`, () => {
  let replicas: string[]
  let sender: TestSocket
  let sockets: TestSocket[]
  let trace: FoundSpan[]

  /** Returns the service and name of a span and of all its ancestors, up to the root span. */
  function chain(from: FoundSpan): string[] {
    const parent = trace.find(({ id }) => id === from.parent)
    return [`${from.service}: ${from.name}`, ...(parent === undefined ? [] : chain(parent))]
  }
  const named = (name: string) => trace.filter((span) => span.name === name)

  beforeAll(async () => {
    await switchOn(stack, profiles.tracing, services.jaeger)
    replicas = (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
    sockets = [...(await oneSocketPerReplica(stack, replicas)).values()]
    const [first] = sockets
    if (first === undefined) throw new Error('no replica')
    sender = first
    sender.send({ type: 'broadcast', id: 1, data: 'to everyone', time: Date.now() })
    await Promise.all(sockets.map((socket) => socket.next('room_message')))
    await Promise.all(sockets.map((socket) => socket.close()))
    // Traefik and each replica export their spans in separate batches, so spans arrive in varying order.
    trace = await until(
      "Traefik's span and one delivery per replica in the trace",
      async () => {
        const [id] = await tracesWith(stack, fields.connectionId, sender.connectionId)
        const found = id === undefined ? [] : await spansOf(stack, id)
        const routed = found.some(({ service, parent }) => service === services.traefik && parent === undefined)
        return routed && found.filter(({ name }) => name === spans.deliver).length >= replicas.length && found
      },
      { withinMs: 30_000 },
    )
  }, 200_000)
  afterAll(() => switchOff(stack, profiles.tracing, services.jaeger), 150_000)

  test('a room message has one trace from the router to every replica that delivers it', () => {
    expect(replicas.length).toBeGreaterThan(1)
    const delivered = named(spans.deliver)
    expect(delivered.map(({ replica }) => replica).sort()).toEqual([...replicas].sort())
    const [message] = delivered
    if (message === undefined) throw new Error('nothing was delivered')
    expect(chain(message)).toEqual([
      `ws: ${spans.deliver}`,
      `ws: ${spans.publish}`,
      `ws: ${spans.message}`,
      `ws: ${spans.upgrade}`,
      'traefik: ReverseProxy',
      'traefik: GET',
    ])
  })

  test('spans of router and replica have the connection id', () => {
    expect(named(spans.message)[0]?.tags[fields.connectionId]).toBe(sender.connectionId)
    expect(named(spans.upgrade)[0]?.tags[fields.connectionId]).toBe(sender.connectionId)
    expect(JSON.stringify(named('ReverseProxy')[0]?.tags)).toContain(sender.connectionId)
  })

  test('the span of the publishing replica has the result of the message', () => {
    expect(named(spans.publish)[0]).toMatchObject({ replica: sender.replica, tags: { [fields.result]: 'stored' } })
  })

  test('an exemplar of the latency histogram contains the id of the trace', async () => {
    const parameters = new URLSearchParams({
      query: `${metrics.messageLatency.name}_bucket{replica="${sender.replica}"}`,
      start: String(Date.now() / 1000 - 600),
      end: String(Date.now() / 1000 + 60),
    })
    const found = z.array(z.object({ exemplars: z.array(z.object({ labels: z.record(z.string(), z.string()) })) }))
    const id = await until(
      'an exemplar',
      async () => {
        const series = await prometheusOf(stack).get(`query_exemplars?${parameters}`, found)
        return series.flatMap(({ exemplars }) => exemplars).at(-1)?.labels[exemplarLabel]
      },
      { withinMs: 30_000 },
    )
    expect((await spansOf(stack, id)).map(({ id: span }) => span)).toEqual(
      expect.arrayContaining(named(spans.message).map((span) => span.id)),
    )
  })
})
