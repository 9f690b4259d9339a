/** Putting messages into words: every message of the server starts with its type, the replica and the time. */
import { type ErrorCode, errorCodes, type ServerMessageType, serverMessageTypes } from '@lab/contract/messages.ts'
import type { Connection } from './connection.ts'
import type { Meter } from './metrics.ts'
import type { Clock } from './ports.ts'

export interface Speech {
  /** JSON of a message up to its time, to which the caller adds the rest; for messages that are sent often. */
  head(type: ServerMessageType): string
  send(connection: Connection, type: ServerMessageType, fields: Record<string, unknown>): void
  /** Answers with an error and counts it. @param text what was wrong and what is allowed; the code's own text without it */
  answerError(connection: Connection, code: ErrorCode, text?: string, id?: string | number): void
}

export function createSpeech({ replica, clock, meter }: { replica: string; clock: Clock; meter: Meter }): Speech {
  const starts = Object.fromEntries(
    serverMessageTypes.map((type) => [type, `{"type":"${type}","replica":${JSON.stringify(replica)},"time":`]),
  ) as Record<ServerMessageType, string>
  const send: Speech['send'] = (connection, type, fields) => {
    connection.send(type, JSON.stringify({ type, replica, time: clock.now(), ...fields }))
  }
  // Writing a time as text costs more than the rest of a head, and many messages share a millisecond.
  let nowMs = 0
  let nowText = '0'
  const time = () => {
    const now = clock.now()
    if (now !== nowMs) {
      nowMs = now
      nowText = String(now)
    }
    return nowText
  }
  return {
    head: (type) => starts[type] + time(),
    send,
    answerError: (connection, code, text = errorCodes[code].text, id) => {
      meter.error(code)
      send(connection, 'error', { id, code, message: text })
    },
  }
}
