/** What comes in from clients: admitted at the allowed rate, understood or answered with an error, handled, measured. */
import { type CloseCause, causeOfCode, closeCodes } from '@lab/contract/close-codes.ts'
import { errorCodes } from '@lab/contract/messages.ts'
import type { Connection } from './connection.ts'
import { type Handling, handleMessage } from './handlers.ts'
import { type ClientMessage, parseFrame } from './protocol.ts'

export interface Inbox {
  /** Takes a text frame. */
  receive(connection: Connection, text: string, bytes: number): void
  /** Answers a frame that is not text. */
  receiveBinary(connection: Connection): void
  /** Takes note that a frame broke the protocol, for which the socket is closing with `code`. Answers it and returns the reason. */
  broken(connection: Connection, code: number): string
  /** Answers a ping, which counts against the rate like a message. */
  ping(connection: Connection, data: Buffer): void
  pong(connection: Connection): void
}

/** Longer than any answer takes: beyond it the client's clock is simply wrong. Milliseconds. */
const maxLatencyMs = 3_600_000

export function createInbox(handling: Handling): Inbox {
  const { config, clock, meter, log, speech, tracer } = handling

  /** Whether a frame may be looked at; answers it when not. */
  function admit(connection: Connection, nowMs: number): boolean {
    const verdict = connection.rate.take(nowMs)
    if (verdict === 'pass') return true
    const code = verdict === 'abuse' ? 'rate_abuse' : 'rate_limited'
    speech.answerError(connection, code, `${errorCodes[code].text} Allowed: ${config.MAX_MESSAGES_PER_SECOND} per second.`)
    if (verdict === 'abuse') connection.close('rate_abuse')
    return false
  }

  /** A client whose clock runs ahead or is hours off says nothing about latency. */
  function recordLatency(sentAtMs: number, traceId: string | undefined): void {
    const tookMs = clock.now() - sentAtMs
    if (tookMs >= 0 && tookMs < maxLatencyMs) meter.latency(tookMs / 1000, traceId)
  }

  function receive(connection: Connection, text: string, bytes: number): void {
    if (connection.closing !== null) return
    const startedMs = clock.steady()
    connection.lastMessageMs = startedMs
    if (!admit(connection, startedMs)) return
    const parsed = parseFrame(text)
    if (!parsed.ok) {
      speech.answerError(connection, parsed.code, parsed.text, parsed.id)
      return
    }
    const { message } = parsed
    meter.received(message.type, bytes)
    const traceId = handleInTurn(connection, message)
    meter.handling((clock.steady() - startedMs) / 1000, traceId)
    if ('time' in message && message.time !== undefined) recordLatency(message.time, traceId)
  }

  /**
   * Handles a message, and after one that takes time those that came meanwhile: a connection's messages are handled in order.
   * Returns the id of its trace, if it is traced.
   */
  function handle(connection: Connection, message: ClientMessage): string | undefined {
    const span = tracer.message(connection, message.type)
    try {
      const working = handleMessage(handling, connection, message, span)
      if (working === undefined) {
        span?.end()
        return span?.traceId
      }
      connection.pending = []
      working
        .catch((err) => failed(connection, message, err))
        .finally(() => {
          span?.end()
          catchUp(connection)
        })
    } catch (err) {
      failed(connection, message, err)
      span?.end()
    }
    return span?.traceId
  }

  function catchUp(connection: Connection): void {
    const waiting = connection.pending ?? []
    connection.pending = null
    for (const message of waiting) {
      if (connection.closing !== null) return
      // One of them may take time, too.
      handleInTurn(connection, message)
    }
  }

  function handleInTurn(connection: Connection, message: ClientMessage): string | undefined {
    // As many as may come in two seconds, which is longer than anything takes.
    const most = 2 * config.MAX_MESSAGES_PER_SECOND
    if (connection.pending === null) return handle(connection, message)
    if (connection.pending.length < most) connection.pending.push(message)
    else speech.answerError(connection, 'rate_limited', `${most} messages wait already.`, 'id' in message ? message.id : undefined)
    return undefined
  }

  /** Whatever one message breaks must not end the process, and with it everybody else's connection. */
  function failed(connection: Connection, message: ClientMessage, err: unknown): void {
    log.error({ err, connectionId: connection.id, requestId: connection.requestId }, 'message failed')
    speech.answerError(connection, 'internal', undefined, 'id' in message ? message.id : undefined)
  }

  function receiveBinary(connection: Connection): void {
    if (connection.closing !== null) return
    connection.lastMessageMs = clock.steady()
    if (admit(connection, connection.lastMessageMs)) speech.answerError(connection, 'binary_not_supported')
  }

  function broken(connection: Connection, code: number): string {
    const cause = causeOfCode(code)
    const error = cause === 'frame_too_large' ? 'frame_too_large' : 'invalid_frame'
    speech.answerError(connection, error, `${errorCodes[error].text} Allowed: ${allowedInstead(cause)}.`)
    connection.closing ??= cause === 'other' ? 'protocol_error' : cause
    return closeCodes[cause].reason
  }

  function allowedInstead(cause: CloseCause): string {
    if (cause === 'frame_too_large') return `${config.MAX_FRAME_BYTES} bytes`
    return cause === 'invalid_payload' ? 'text in valid UTF-8' : 'masked frames as in RFC 6455'
  }

  function ping(connection: Connection, data: Buffer): void {
    if (connection.closing === null && admit(connection, clock.steady())) connection.pong(data)
  }

  function pong(connection: Connection): void {
    // Pongs that nobody asked for are allowed, at the rate of messages.
    if (connection.pingedAtMs !== 0) connection.pingedAtMs = 0
    else if (connection.closing === null) admit(connection, clock.steady())
  }

  return { receive, receiveBinary, broken, ping, pong }
}
