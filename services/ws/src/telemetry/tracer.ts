/**
 * Defines the interface for tracing. If tracing is off, each method does nothing; if tracing is on, an unsampled message only decrements a
 * counter. Pure.
 *
 * An upgrade is sampled if its sender (the router, or a client that sends `traceparent`) has sampled it; without such a sender, the
 * configured ratio decides. The first messages of a sampled connection belong to the trace of its upgrade. A client message that belongs to
 * no upgrade trace is sampled by the ratio and starts its own trace, so a long-lived socket is sampled without a trace that lasts for days.
 * Messages start at most 100 traces per second on a replica, which limits the cost of tracing. Operations that a sampled message causes, on
 * any replica, belong to the trace of this message.
 */

/** Attributes by name. The names of spans and attributes are defined in contract/src/telemetry.ts. */
export type SpanAttributes = Readonly<Record<string, string | number>>

/** A sampled operation that is in progress. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** The W3C trace context for operations that this span causes, on this replica or on another. */
  readonly traceparent: string
  set(attributes: SpanAttributes): void
  end(): void
}

/** The trace of the upgrade of a sampled connection. */
export interface ConnectionTrace {
  readonly traceparent: string
  /** The number of further client messages that will belong to the trace of the connection's upgrade. */
  messagesLeft: number
}

/** The fields of a connection that a tracer reads. */
export interface TracedConnection {
  readonly id: string
  readonly requestId: string
  readonly trace: ConnectionTrace | undefined
}

export interface Tracer {
  /** Starts the span that covers an upgrade request. @param traceparent the value of the `traceparent` header of the upgrade request */
  upgrade(traceparent: string | undefined, who: { connectionId: string; requestId: string }): Span | undefined
  /** Starts the span that covers a client message. */
  message(connection: TracedConnection, type: string): Span | undefined
  /** Starts the span that covers storing a room message. @param traceparent the trace context of the client message */
  publish(traceparent: string, room: string): Span
  /**
   * Starts the span that covers the delivery of a room message to its members.
   * @param traceparent the trace context of the room message; if it is invalid, no span is created
   */
  deliver(traceparent: string, about: { room: string; seq: number; members: number }): Span | undefined
}

/** Number of messages of a sampled connection that belong to the trace of its upgrade. */
export const messagesInUpgradeTrace = 32

/** Returns the trace of a connection from the span of its upgrade. */
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
