/**
 * Defines the message types of the lab's WebSocket protocol. The message schemas, from which docs/protocol.schema.json is generated, are in
 * services/ws/src/protocol.ts.
 */

export const clientMessageTypes = ['message', 'broadcast', 'join', 'leave', 'heartbeat', 'resume', 'ack'] as const
export type ClientMessageType = (typeof clientMessageTypes)[number]

export const serverMessageTypes = [
  'connection_established',
  'heartbeat',
  'message_response',
  'room_message',
  'room_joined',
  'room_left',
  'resumed',
  'resume_gap',
  'error',
  'goodbye',
] as const
export type ServerMessageType = (typeof serverMessageTypes)[number]

/**
 * The room that contains all connections; clients cannot join or leave it. A `broadcast` message without a room is sent to all connections.
 */
export const everyoneRoom = '*'

/** The patterns that connection ids and room names must match. */
export const connectionIdPattern = '^[A-Za-z0-9._~-]{1,64}$'
export const roomNamePattern = '^[A-Za-z0-9._~:-]{1,64}$'

/** Maximum length of the `id` in a client's message; the response contains the same id. */
export const maxMessageIdLength = 64

/**
 * Maximum nesting depth of a message. JSON.stringify is recursive, so a message with a few thousand levels of nesting would overflow the
 * stack.
 */
export const maxNesting = 500

/**
 * The codes of `error` messages. Error codes never change, because client programs may rely on them. The error codes are also the values of
 * the error counter's `cause` label. The `closes` field is true if the replica also closes the connection (see close-codes.ts).
 */
export const errorCodes = {
  invalid_json: { text: 'The frame is not a JSON object.', closes: false },
  invalid_message: { text: 'The message does not match the schema of its type.', closes: false },
  unknown_type: { text: 'The message type is unknown.', closes: false },
  binary_not_supported: { text: 'Only text frames are supported.', closes: false },
  rate_limited: { text: 'The connection exceeds the allowed message rate; this message was not processed.', closes: false },
  rate_abuse: { text: 'The connection continued to send at many times the allowed rate.', closes: true },
  frame_too_large: { text: 'The frame is larger than allowed.', closes: true },
  invalid_frame: { text: 'The frame violates the WebSocket protocol.', closes: true },
  slow_reader: { text: 'The client reads too slowly; its unread messages exceed the send buffer.', closes: true },
  rooms_unavailable: {
    text: 'The store is unreachable and the queue of waiting room messages is full; this message was not accepted.',
    closes: false,
  },
  not_in_room: { text: 'Join the room before sending to it or leaving it.', closes: false },
  too_many_rooms: { text: 'The connection has already joined the maximum number of rooms.', closes: false },
  resume_invalid: { text: 'The resume token is not valid; the connection has a new session.', closes: false },
  resume_expired: { text: 'The resume token has expired; the connection has a new session.', closes: false },
  resume_unknown: { text: 'The session of this resume token no longer exists; the connection has a new session.', closes: false },
  resume_unavailable: { text: 'The session store is unreachable; the connection has a new session.', closes: false },
  resume_too_late: { text: 'A session can be resumed only by the first request on a new connection.', closes: false },
  internal: { text: 'The replica failed to process the message; the error has been logged.', closes: false },
} as const satisfies Record<string, { text: string; closes: boolean }>
export type ErrorCode = keyof typeof errorCodes
