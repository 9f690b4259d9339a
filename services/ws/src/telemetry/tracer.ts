/**
 * Defines the tracing interface. If tracing is off, the tracer's methods do nothing. If tracing is on, the tracer only decrements a counter
 * for an unsampled message. Pure.
 *
 * If the sender of an upgrade request (the router, or a client that sends `traceparent`) has made a sampling decision, this decision
 * applies; otherwise, the connection is sampled at the configured ratio. The first messages of a sampled connection are part of the trace
 * of its upgrade request. All other client messages are sampled at the configured ratio, and each sampled message starts its own trace.
 * Because messages have their own traces, even a long-lived connection can be sampled without a trace that lasts for days. A replica starts
 * at most 100 message traces per second, which limits the cost of tracing. Operations caused by a sampled message, on any replica, belong
 * to the message's trace.
 */

/** Attributes by name. Span and attribute names are defined in contract/src/telemetry.ts. */
export type SpanAttributes = Readonly<Record<string, string | number>>

/** A sampled operation that is in progress. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** The W3C trace context for operations that this span causes, on this or another replica. */
  readonly traceparent: string
  set(attributes: SpanAttributes): void
  end(): void
}

/** The upgrade trace of a sampled connection. */
export interface ConnectionTrace {
  readonly traceparent: string
  /** The number of client messages that can still become part of the trace of the connection's upgrade. */
  messagesLeft: number
}

/** The fields of a connection that a tracer reads. */
export interface TracedConnection {
  readonly id: string
  readonly requestId: string
  readonly trace: ConnectionTrace | undefined
}

export interface Tracer {
  /** Starts the span that covers an upgrade request. @param traceparent the value of the upgrade request's `traceparent` header */
  upgrade(traceparent: string | undefined, who: { connectionId: string; requestId: string }): Span | undefined
  /** Starts the span that covers a client message. */
  message(connection: TracedConnection, type: string): Span | undefined
  /** Starts the span that covers storing a room message. @param traceparent the trace context of the client message */
  publish(traceparent: string, room: string): Span
  /**
   * Starts the span that covers the delivery of a room message to the room's members.
   * @param traceparent the trace context of the room message; if it is invalid, no span is created
   */
  deliver(traceparent: string, about: { room: string; seq: number; members: number }): Span | undefined
}

/** Number of messages on a sampled connection that belong to the trace of its upgrade. */
export const messagesInUpgradeTrace = 32

/** Returns a connection's trace, given the span of its upgrade. */
export function connectionTrace(span: Span | undefined): ConnectionTrace | undefined {
  return span && { traceparent: span.traceparent, messagesLeft: messagesInUpgradeTrace }
}

/** The tracer that is used if tracing is off. */
export const noTracer: Tracer = {
  upgrade: () => undefined,
  message: () => undefined,
  publish: () => {
    throw new Error('tracing is off, so there is no span to continue')
  },
  deliver: () => undefined,
}
