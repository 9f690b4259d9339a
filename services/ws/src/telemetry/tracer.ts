/**
 * The port to tracing. Off, it costs a call that does nothing; on, what is not sampled costs a count. Pure.
 *
 * What is sampled: an upgrade as its caller decided (the router, or a client that sends `traceparent`), else by the ratio.
 * The first messages of a sampled connection belong to the trace of its upgrade; every other message begins a trace of its
 * own by the ratio, so that a socket that lives for days makes no trace of days, and long-lived sockets are still seen.
 * So begin at most 100 traces a second at a replica: what tracing costs has a bound, whatever the ratio and the load.
 * What follows from a sampled message, on any replica, belongs to its trace.
 */

/** Attributes by name, as spelled in contract/src/telemetry.ts. */
export type SpanAttributes = Readonly<Record<string, string | number>>

/** Something sampled that is going on. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** For whatever follows from it, here or on another replica, as in the W3C's Trace Context. */
  readonly traceparent: string
  set(attributes: SpanAttributes): void
  end(): void
}

/** What a sampled connection remembers of its upgrade. */
export interface ConnectionTrace {
  readonly traceparent: string
  /** Messages that still go into its trace. */
  messagesLeft: number
}

/** What a tracer reads of a connection. */
export interface TracedConnection {
  readonly id: string
  readonly requestId: string
  readonly trace: ConnectionTrace | undefined
}

export interface Tracer {
  /** A request for a socket. @param traceparent the header of that name */
  upgrade(traceparent: string | undefined, who: { connectionId: string; requestId: string }): Span | undefined
  /** A message that a client sent. */
  message(connection: TracedConnection, type: string): Span | undefined
  /** A room message on its way to the log. @param traceparent of the message that it comes from */
  publish(traceparent: string, room: string): Span
  /** A room message on its way to the members here. @param traceparent as it came with the room message; anything else gives no span */
  deliver(traceparent: string, about: { room: string; seq: number; members: number }): Span | undefined
}

/** Messages of a sampled connection that belong to the trace of its upgrade. */
export const messagesInUpgradeTrace = 32

/** What a connection remembers of the span of its upgrade. */
export function connectionTrace(span: Span | undefined): ConnectionTrace | undefined {
  return span && { traceparent: span.traceparent, messagesLeft: messagesInUpgradeTrace }
}

/** Tracing that is off. */
export const noTracer: Tracer = {
  upgrade: () => undefined,
  message: () => undefined,
  publish: () => {
    throw new Error('nothing is sampled, so nothing can follow from it')
  },
  deliver: () => undefined,
}
