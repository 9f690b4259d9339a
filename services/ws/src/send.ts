/** Sends infrequent messages and errors. Frequent messages are encoded by encode.ts. */
import { type ErrorCode, errorCodes, type ServerMessageType } from '@lab/contract/messages.ts'
import type { Connection } from './connection.ts'
import type { Encoder, FieldsOf } from './encode.ts'
import type { Meter } from './metrics.ts'

export function sendMessage<T extends ServerMessageType>(encoder: Encoder, connection: Connection, type: T, fields: FieldsOf<T>): void {
  connection.send(type, encoder.message(type, fields))
}

/**
 * Sends an error to the client and counts it.
 * @param text a description of the error and of the allowed values; by default, the error code's text
 * @param id the id of the client's message
 * @param resumeToken a new resume token that the client should use instead of the one it received earlier; undefined if there is no new one
 */
export function answerError(
  { encoder, meter }: { encoder: Encoder; meter: Meter },
  connection: Connection,
  code: ErrorCode,
  text: string = errorCodes[code].text,
  id?: string | number,
  resumeToken?: string,
): void {
  meter.error(code)
  sendMessage(encoder, connection, 'error', { id, code, message: text, resumeToken })
}
