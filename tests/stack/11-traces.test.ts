/** Traces in Jaeger: from the router over a message to every replica that delivers it, and the way there from a panel. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { metrics } from '../../contract/src/metrics.ts'
import { exemplarLabel, fields, profiles, spans } from '../../contract/src/telemetry.ts'
import { oneSocketPerReplica, type TestSocket } from './lib/socket.ts'
import { containers, replicaName, url } from './lib/stack.ts'
import { type FoundSpan, spansOf, switchOff, switchOn, tracesWith } from './lib/telemetry.ts'
import { until } from './lib/until.ts'

const stack = inject('stack')

describe.skipIf(services.jaeger in stack.missing)(`with the profile ${profiles.tracing}`, () => {
  let replicas: string[]
  let sender: TestSocket
  let sockets: TestSocket[]
  let trace: FoundSpan[]

  /** The chain of spans from one up to the root, by service and name. */
  function chain(from: FoundSpan): string[] {
    const parent = trace.find(({ id }) => id === from.parent)
    return [`${from.service}: ${from.name}`, ...(parent === undefined ? [] : chain(parent))]
  }
  const named = (name: string) => trace.filter((span) => span.name === name)

  beforeAll(async () => {
    await switchOn(stack, profiles.tracing, services.jaeger)
    replicas = (await containers(stack, services.ws)).map(replicaName)
    sockets = [...(await oneSocketPerReplica(stack, replicas)).values()]
    const [first] = sockets
    if (first === undefined) throw new Error('no replica')
    sender = first
    sender.send({ type: 'broadcast', id: 1, data: 'to everyone', time: Date.now() })
    await Promise.all(sockets.map((socket) => socket.next('room_message')))
    await Promise.all(sockets.map((socket) => socket.close()))
    // The router's span ends with the socket, and is the last to come.
    trace = await until(
      'the whole trace',
      async () => {
        const [id] = await tracesWith(stack, fields.connectionId, sender.connectionId)
        const found = id === undefined ? [] : await spansOf(stack, id)
        return found.some(({ service, parent }) => service === services.traefik && parent === undefined) && found
      },
      30_000,
    )
  }, 200_000)
  afterAll(() => switchOff(stack, profiles.tracing, services.jaeger), 150_000)

  test('a room message is one trace from the router to every replica that delivers it', () => {
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

  test('spans of router and replica carry the connection id', () => {
    expect(named(spans.message)[0]?.tags[fields.connectionId]).toBe(sender.connectionId)
    expect(named(spans.upgrade)[0]?.tags[fields.connectionId]).toBe(sender.connectionId)
    expect(JSON.stringify(named('ReverseProxy')[0]?.tags)).toContain(sender.connectionId)
  })

  test('the publishing replica says what became of the message', () => {
    expect(named(spans.publish)[0]).toMatchObject({ replica: sender.replica, tags: { [fields.result]: 'stored' } })
  })

  test('an exemplar of the latency histogram leads to the trace', async () => {
    const parameters = new URLSearchParams({
      query: `${metrics.messageLatency.name}_bucket{replica="${sender.replica}"}`,
      start: String(Date.now() / 1000 - 600),
      end: String(Date.now() / 1000 + 60),
    })
    interface Answer {
      data: { exemplars: { labels: Record<string, string> }[] }[]
    }
    const id = await until(
      'an exemplar',
      async () => {
        const response = await fetch(`${url(stack, 'PROMETHEUS_PORT', '/api/v1/query_exemplars')}?${parameters}`)
        const { data } = (await response.json()) as Answer
        return data.flatMap(({ exemplars }) => exemplars).at(-1)?.labels[exemplarLabel]
      },
      30_000,
    )
    expect((await spansOf(stack, id)).map(({ id: span }) => span)).toEqual(
      expect.arrayContaining(named(spans.message).map((span) => span.id)),
    )
  })
})
