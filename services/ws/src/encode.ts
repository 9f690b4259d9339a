/**
 * Encodes every server message as JSON: first the type, the replica and the time, and then the message's other fields. Pure.
 *
 * Each type of frequent message has its own function, which assembles the message from strings, because calling JSON.stringify for a whole
 * message is slower. The tests in encode.test.ts check that the encoder's output for each message type equals that of JSON.stringify.
 */
import type { ServerMessageType } from '@lab/contract/messages.ts'
import type { Clock } from './ports.ts'
import type { ServerMessage } from './protocol.ts'
import type { Published } from './room-log.ts'

/** The fields of a message that follow its type, replica and time. */
export type FieldsOf<T extends ServerMessageType> = Omit<Extract<ServerMessage, { type: T }>, 'type' | 'replica' | 'time'>

/** Optional fields of a client message that are copied unchanged to the response. */
interface Given {
  id?: string | number | undefined
  /** Time on the client's clock, in milliseconds since 1970. */
  time?: number | undefined
}

export interface Encoder {
  /** Encodes any message with JSON.stringify. */
  message<T extends ServerMessageType>(type: T, fields: FieldsOf<T>): string
  /** @param seq the sequence number up to which all messages have been sent to the client; 0 if unknown */
  heartbeat(given: Given, seq: number): string
  /** Encodes the message_response that echoes a client message. */
  echo(given: Given & { data: unknown }): string
  /** Encodes the message_response that reports the outcome of a broadcast. */
  outcome(given: Given, outcome: Exclude<Published, { result: 'refused' }>): string
  /**
   * Encodes a room_message without its last fields, which are added by `placedEnd` or `provisionalEnd`.
   * @param from the connection id of the sender
   */
  roomMessage(room: string, from: string, given: Given & { data: unknown }): string
}

export function createEncoder(replica: string, clock: Clock): Encoder {
  const start = (type: ServerMessageType) => `{"type":"${type}","replica":${JSON.stringify(replica)},"time":`
  const heartbeat = start('heartbeat')
  const response = start('message_response')
  const roomMessage = start('room_message')
  // The formatted time is reused within the same millisecond.
  // Formatting the time takes longer than formatting the other fields that all messages share.
  let nowMs = 0
  let nowText = '0'
  const time = () => {
    const current = clock.now()
    if (current !== nowMs) {
      nowMs = current
      nowText = String(current)
    }
    return nowText
  }
  return {
    message: (type, fields) => JSON.stringify({ type, replica, time: clock.now(), ...fields }),
    heartbeat: (given, seq) => `${heartbeat}${time()}${repeated(given)}${seq === 0 ? '' : `,"seq":${seq}`}}`,
    echo: (given) => `${response}${time()}${repeated(given)},"data":${JSON.stringify(given.data)}}`,
    outcome: (given, outcome) => `${response}${time()}${repeated(given)}${fieldsOfOutcome(outcome)}}`,
    roomMessage: (room, from, given) =>
      `${roomMessage}${time()},"room":${JSON.stringify(room)},"from":${JSON.stringify(from)}` +
      `${repeated(given)},"data":${JSON.stringify(given.data)}`,
  }
}

/** Returns the last JSON fields and the closing brace of a room_message that is stored in the log. */
export function placedEnd(seq: number, offset: number): string {
  return `,"seq":${seq},"offset":${offset}}`
}

/** The last JSON field and the closing brace of a room_message that is not stored in the log yet. */
export const provisionalEnd = ',"provisional":true}'

/** Returns the id and the time of the client's message as JSON fields. */
function repeated({ id, time }: Given): string {
  return `${id === undefined ? '' : `,"id":${JSON.stringify(id)}`}${time === undefined ? '' : `,"clientTime":${time}`}`
}

function fieldsOfOutcome(outcome: Exclude<Published, { result: 'refused' }>): string {
  if (outcome.result === 'provisional') return ',"stored":false'
  return `,"stored":true,"seq":${outcome.seq}${outcome.result === 'duplicate' ? ',"duplicate":true' : ''}`
}
