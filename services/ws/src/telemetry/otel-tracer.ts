/** The tracer on OpenTelemetry's SDK. Loaded only when tracing is on. */

import { fields, spans } from '@lab/contract/telemetry.ts'
import { type Context, ROOT_CONTEXT, type SpanContext, SpanKind, TraceFlags, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { atMostPerSecond, ratioSampler } from './sampling.ts'
import { readTraceparent, writeTraceparent } from './traceparent.ts'
import type { Span, SpanAttributes, Tracer } from './tracer.ts'

export interface OtelTracerOptions {
  /** Where spans go; over HTTP as JSON. */
  exporter: SpanExporter
  resource: Record<string, string>
  /** Share of what begins a trace here that is sampled, 0 to 1. */
  ratio: number
  random: () => number
  /** Milliseconds from anywhere. */
  now: () => number
}

/** Traces that messages of one replica begin in a second, whatever the ratio: a span costs about as much as three messages. */
const messageTracesPerSecond = 100

/** The exporter that speaks OTLP. @param url with its path, as in http://jaeger:4318/v1/traces */
export function otlpSpans(url: string): SpanExporter {
  return new OTLPTraceExporter({ url, timeoutMillis: 5000, concurrencyLimit: 2 })
}

/** Spans wait in a queue of 4096 and leave each second; what does not fit is dropped. `stop` lets go of what waits. */
export function otelTracer({ exporter, resource, ratio, random, now }: OtelTracerOptions): { tracer: Tracer; stop: () => Promise<void> } {
  const batches = { maxQueueSize: 4096, maxExportBatchSize: 512, scheduledDelayMillis: 1000, exportTimeoutMillis: 5000 }
  const shared = { resource: resourceFromAttributes(resource) }
  const processor = new BatchSpanProcessor({ exporter, ...batches })
  const provider = (root: Sampler) =>
    new TracerProvider({ ...shared, spanProcessors: [processor], sampler: new ParentBasedSampler({ root }) }).getTracer('ws')
  const byRatio = provider(new TraceIdRatioBasedSampler(ratio))
  // For messages that have been chosen already.
  const chosen = provider(new AlwaysOnSampler())
  const sampleMessage = atMostPerSecond(messageTracesPerSecond, ratioSampler(ratio, random), now)

  const begin = (name: string, kind: SpanKind, attributes: SpanAttributes, parent: Context, links?: { context: SpanContext }[]) =>
    wrap(chosen.startSpan(name, { kind, attributes, ...(links && { links }) }, parent))

  const tracer: Tracer = {
    upgrade(traceparent, { connectionId, requestId }) {
      const attributes = { [fields.connectionId]: connectionId, [fields.requestId]: requestId }
      const span = byRatio.startSpan(spans.upgrade, { kind: SpanKind.SERVER, attributes }, parentOf(traceparent))
      return span.isRecording() ? wrap(span) : undefined
    },

    message({ id, requestId, trace: ofConnection }, type) {
      const inUpgradeTrace = ofConnection !== undefined && ofConnection.messagesLeft > 0
      if (!inUpgradeTrace && !sampleMessage()) return undefined
      const attributes = { [fields.connectionId]: id, [fields.requestId]: requestId, [fields.messageType]: type }
      if (inUpgradeTrace) {
        ofConnection.messagesLeft--
        return begin(spans.message, SpanKind.SERVER, attributes, parentOf(ofConnection.traceparent))
      }
      const upgrade = trace.getSpanContext(parentOf(ofConnection?.traceparent))
      return begin(spans.message, SpanKind.SERVER, attributes, ROOT_CONTEXT, upgrade && [{ context: upgrade }])
    },

    publish: (traceparent, room) => begin(spans.publish, SpanKind.PRODUCER, { [fields.room]: room }, parentOf(traceparent)),

    deliver(traceparent, { room, seq, members }) {
      const parent = parentOf(traceparent)
      if (parent === ROOT_CONTEXT) return undefined
      const attributes = { [fields.room]: room, [fields.seq]: seq, [fields.members]: members }
      return begin(spans.deliver, SpanKind.CONSUMER, attributes, parent)
    },
  }
  return { tracer, stop: () => processor.shutdown() }
}

/** What a span with this header belongs under. */
function parentOf(traceparent: string | undefined): Context {
  const parent = readTraceparent(traceparent)
  if (parent === undefined) return ROOT_CONTEXT
  const { traceId, spanId, sampled } = parent
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  })
}

function wrap(span: ReturnType<ReturnType<TracerProvider['getTracer']>['startSpan']>): Span {
  const { traceId, spanId } = span.spanContext()
  return {
    traceId,
    spanId,
    traceparent: writeTraceparent({ traceId, spanId, sampled: true }),
    set: (attributes) => void span.setAttributes(attributes),
    end: () => span.end(),
  }
}
