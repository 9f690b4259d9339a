/**
 * Handles frames from clients: applies the rate limit, parses messages, reports errors, runs the handlers in order, and records metrics.
 */
import { type CloseCause, causeOfCode, closeCodes } from '@lab/contract/close-codes.ts'
import { errorCodes } from '@lab/contract/messages.ts'
import type { Connection } from './connection.ts'
import { type Handling, handleMessage } from './handlers.ts'
import { type ClientMessage, parseFrame } from './protocol.ts'
import { answerError } from './send.ts'

export interface Inbox {
  /** Handles a text frame. */
  receive(connection: Connection, text: string, bytes: number): void
  /** Responds to a binary frame with an error. */
  receiveBinary(connection: Connection): void
  /**
   * Handles a frame that violates the protocol or a limit and makes the WebSocket library close the socket with `code`. Sends an error to
   * the client, and returns the close code and the reason for the close frame.
   */
  broken(connection: Connection, code: number): { code: number; reason: string }
  /** Responds to a ping; like messages, pings count towards the rate limit. */
  ping(connection: Connection, data: Buffer): void
  pong(connection: Connection): void
}

/** Latencies above this value are discarded, because they result from an incorrect client clock. Milliseconds. */
const maxLatencyMs = 3_600_000

/** Minimum average size, in bytes, of the frames or network reads in which a message may arrive. */
const bytesPerPart = 512
/** Number of parts (frames or network reads) that a message of any size may have. */
const sparePart = 64

/**
 * Returns the maximum number of parts (frames or network reads) in which a message may arrive. Each part of a message has a memory
 * overhead, so the number of parts is limited in proportion to the maximum message size.
 */
export function mostParts(maxFrameBytes: number): number {
  return sparePart + Math.ceil(maxFrameBytes / bytesPerPart)
}

/**
 * Returns the close cause that corresponds to the WebSocket library's close code. The WebSocket library uses close code 1008 for a message
 * that arrives in too many parts.
 */
function brokenCause(code: number): CloseCause {
  if (code === closeCodes.rate_abuse.code) return 'frame_too_large'
  const cause = causeOfCode(code)
  return cause === 'other' ? 'protocol_error' : cause
}

export function createInbox(handling: Handling): Inbox {
  const { config, clock, meter, log, tracer } = handling
  /**
   * When this many messages of a connection wait, which is two seconds' worth, the replica stops reading from the connection until half of
   * them are handled. A refusal would break the order of the client's messages, because the client sends a refused message again after the
   * messages that follow it. Frames that were read before the pause add at most one more second's worth, which is the allowed burst.
   */
  const mostWaiting = 2 * config.MAX_MESSAGES_PER_SECOND

  /** Whether the rate limit allows another frame from this connection. If the rate limit is exceeded, the client receives an error. */
  function admit(connection: Connection, nowMs: number): boolean {
    const verdict = connection.rate.take(nowMs)
    if (verdict === 'pass') return true
    const code = verdict === 'abuse' ? 'rate_abuse' : 'rate_limited'
    answerError(handling, connection, code, `${errorCodes[code].text} Allowed: ${config.MAX_MESSAGES_PER_SECOND} per second.`)
    if (verdict === 'abuse') connection.close('rate_abuse')
    return false
  }

  /** Records the latency of a message, unless the client's clock is ahead of the server's clock or hours behind. */
  function recordLatency(sentAtMs: number, traceId: string | undefined): void {
    const tookMs = clock.now() - sentAtMs
    if (tookMs >= 0 && tookMs < maxLatencyMs) meter.latency(tookMs / 1000, traceId)
  }

  function receive(connection: Connection, text: string, bytes: number): void {
    if (connection.closing !== null) return
    const startedMs = clock.steady()
    connection.receivedFrame(startedMs)
    if (!admit(connection, startedMs)) return
    const parsed = parseFrame(text)
    if (!parsed.ok) {
      answerError(handling, connection, parsed.code, parsed.text, parsed.id)
      return
    }
    const { message } = parsed
    meter.received(message.type, bytes)
    const traceId = handleInTurn(connection, message, bytes)
    meter.handling((clock.steady() - startedMs) / 1000, traceId)
    if ('time' in message && message.time !== undefined) recordLatency(message.time, traceId)
  }

  /**
   * Handles a message. Messages that arrive while an asynchronous handler is running are queued, so that a connection's messages are
   * handled in order. Returns the message's trace id if the message is traced.
   */
  function handle(connection: Connection, message: ClientMessage): string | undefined {
    const span = tracer.message(connection, message.type)
    try {
      const working = handleMessage(handling, connection, message, span)
      if (working === undefined) {
        span?.end()
        return span?.traceId
      }
      connection.startedHandling()
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
    for (const { message, bytes } of connection.handled()) {
      if (connection.closing !== null) return
      // A waiting message's handler may also be asynchronous.
      handleInTurn(connection, message, bytes)
    }
    if (connection.waitingMessages <= mostWaiting / 2) connection.resumeReading(clock.steady())
  }

  function handleInTurn(connection: Connection, message: ClientMessage, bytes: number): string | undefined {
    if (!connection.isHandling) return handle(connection, message)
    if (connection.wait(message, bytes) >= mostWaiting) connection.pauseReading(clock.steady())
    return undefined
  }

  /** Reports a failed handler. A failed handler must not end the process, because that would close all other connections. */
  function failed(connection: Connection, message: ClientMessage, err: unknown): void {
    log.error({ err, connectionId: connection.id, requestId: connection.requestId }, 'message failed')
    answerError(handling, connection, 'internal', undefined, 'id' in message ? message.id : undefined)
  }

  function receiveBinary(connection: Connection): void {
    if (connection.closing !== null) return
    const nowMs = clock.steady()
    connection.receivedFrame(nowMs)
    if (admit(connection, nowMs)) answerError(handling, connection, 'binary_not_supported')
  }

  function broken(connection: Connection, code: number): { code: number; reason: string } {
    const cause = brokenCause(code)
    const error = cause === 'frame_too_large' ? 'frame_too_large' : 'invalid_frame'
    answerError(handling, connection, error, `${errorCodes[error].text} Allowed: ${allowedInstead(cause)}.`)
    connection.closedByLibrary(cause)
    return closeCodes[cause]
  }

  function allowedInstead(cause: CloseCause): string {
    if (cause === 'frame_too_large') return `${config.MAX_FRAME_BYTES} bytes, in at most ${mostParts(config.MAX_FRAME_BYTES)} parts`
    return cause === 'invalid_payload' ? 'text in valid UTF-8' : 'masked frames as in RFC 6455'
  }

  function ping(connection: Connection, data: Buffer): void {
    if (connection.closing === null && admit(connection, clock.steady())) connection.pong(data)
  }

  function pong(connection: Connection): void {
    const pingedAtMs = connection.pingedAtMs
    if (connection.receivedPong()) handling.membership.answeredPing(connection.session, pingedAtMs)
    // A client may send unsolicited pongs, but they count towards the message rate.
    else if (connection.closing === null) admit(connection, clock.steady())
  }

  return { receive, receiveBinary, broken, ping, pong }
}
