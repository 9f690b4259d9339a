/** The tracer that uses the OpenTelemetry SDK. This module is loaded only if tracing is enabled. */

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
  /** Exports spans as JSON over HTTP. */
  exporter: SpanExporter
  resource: Record<string, string>
  /** The fraction of new traces that are sampled, 0 to 1. */
  ratio: number
  random: () => number
  /** Returns the time of a monotonic clock in milliseconds. */
  now: () => number
}

/**
 * The maximum number of message traces that one replica starts per second. The number of message traces is limited because recording a span
 * costs about as much as handling three messages.
 */
const messageTracesPerSecond = 100

/** Returns the OTLP exporter for traces. @param url the URL with its path, such as http://jaeger:4318/v1/traces */
export function otlpSpans(url: string): SpanExporter {
  return new OTLPTraceExporter({ url, timeoutMillis: 5000, concurrencyLimit: 2 })
}

/**
 * The queue holds up to 4096 spans and is exported every second; spans that do not fit in the queue are dropped. The returned `stop`
 * function exports the queued spans.
 */
export function otelTracer({ exporter, resource, ratio, random, now }: OtelTracerOptions): { tracer: Tracer; stop: () => Promise<void> } {
  const batches = { maxQueueSize: 4096, maxExportBatchSize: 512, scheduledDelayMillis: 1000, exportTimeoutMillis: 5000 }
  const shared = { resource: resourceFromAttributes(resource) }
  const processor = new BatchSpanProcessor({ exporter, ...batches })
  const provider = (root: Sampler) =>
    new TracerProvider({ ...shared, spanProcessors: [processor], sampler: new ParentBasedSampler({ root }) }).getTracer('ws')
  const byRatio = provider(new TraceIdRatioBasedSampler(ratio))
  // The tracer for operations that have already been selected for sampling; it records all of them.
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

/** Returns the parent context from a `traceparent` header. */
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
