import { fields, spans } from '@lab/contract/telemetry.ts'
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace'
import { afterEach, describe, expect, test } from 'vitest'
import { otelTracer } from './otel-tracer.ts'
import { writeTraceparent } from './traceparent.ts'
import { connectionTrace, messagesInUpgradeTrace } from './tracer.ts'

const parent = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const who = { connectionId: 'c1', requestId: 'r1' }

let stop = async () => {}
afterEach(() => stop())

/** Returns a tracer, and a function that returns the spans it has exported. */
function setUp(ratio: number) {
  const exporter = new InMemorySpanExporter()
  let sent: ReadableSpan[] = []
  // `shutdown` is replaced, because the in-memory exporter would otherwise discard its spans on shutdown.
  exporter.shutdown = async () => {
    sent = exporter.getFinishedSpans()
  }
  const started = otelTracer({ exporter, resource: { 'service.name': 'ws' }, ratio, random: Math.random, now: () => performance.now() })
  stop = started.stop
  const finished = async () => {
    await started.stop()
    stop = async () => {}
    return sent
  }
  return { tracer: started.tracer, finished }
}

describe('an upgrade', () => {
  test('is sampled as its caller decided, whatever the ratio', async () => {
    const { tracer, finished } = setUp(0)
    tracer.upgrade(writeTraceparent({ ...parent, sampled: true }), who)?.end()
    expect((await finished()).map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([parent.spanId])
    const other = setUp(1)
    expect(other.tracer.upgrade(writeTraceparent({ ...parent, sampled: false }), who)).toBeUndefined()
  })

  test('is sampled by the ratio if there is no decision of a caller', () => {
    expect(setUp(0).tracer.upgrade(undefined, who)).toBeUndefined()
    expect(setUp(1).tracer.upgrade('broken', who)?.traceId).toMatch(/^[0-9a-f]{32}$/)
  })
})

test('the first messages of a traced connection belong to its upgrade trace, and later ones start traces that link to it', async () => {
  const { tracer, finished } = setUp(1)
  const upgrade = tracer.upgrade(undefined, who)
  const connection = { id: 'c1', requestId: 'r1', trace: connectionTrace(upgrade) }
  for (let i = 0; i < messagesInUpgradeTrace + 1; i++) tracer.message(connection, 'message')?.end()
  const messages = (await finished()).filter(({ name }) => name === spans.message)
  const own = messages.filter((span) => span.spanContext().traceId !== upgrade?.traceId)
  expect(messages).toHaveLength(messagesInUpgradeTrace + 1)
  expect(own.map(({ links }) => links.map(({ context }) => context.spanId))).toEqual([[upgrade?.spanId]])
  expect(own[0]?.attributes).toEqual({ [fields.connectionId]: 'c1', [fields.requestId]: 'r1', [fields.messageType]: 'message' })
})

test('messages of an untraced connection are sampled by the ratio', () => {
  const connection = { id: 'c1', requestId: 'r1', trace: undefined }
  expect(setUp(0).tracer.message(connection, 'message')).toBeUndefined()
  expect(setUp(1).tracer.message(connection, 'message')).toBeDefined()
})

test('a room message is one trace from the frame to the delivery on every replica', async () => {
  const here = setUp(1)
  const elsewhere = setUp(0)
  const message = here.tracer.message({ id: 'c1', requestId: 'r1', trace: undefined }, 'broadcast')
  const publish = here.tracer.publish(message?.traceparent ?? '', 'lobby')
  const deliver = elsewhere.tracer.deliver(publish.traceparent, { room: 'lobby', seq: 7, members: 2 })
  expect(deliver?.traceId).toBe(message?.traceId)
  deliver?.end()
  expect((await elsewhere.finished()).map(({ name, parentSpanContext }) => [name, parentSpanContext?.spanId])).toEqual([
    [spans.deliver, publish.spanId],
  ])
})

test('an invalid traceparent in the room log gives no span', () => {
  expect(setUp(1).tracer.deliver('x', { room: 'lobby', seq: 7, members: 2 })).toBeUndefined()
})
