/** Message types of the socket protocol. The schemas are in services/ws/src/protocol.ts; docs/protocol.schema.json is made from them. */

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

/** The room every connection is in: a `broadcast` that names no room goes there. Nobody can join or leave it. */
export const everyoneRoom = '*'

/** What a connection id and a room name may look like. */
export const connectionIdPattern = '^[A-Za-z0-9._~-]{1,64}$'
export const roomNamePattern = '^[A-Za-z0-9._~:-]{1,64}$'

/** Longest `id` a client may give a message; the answer repeats it. */
export const maxMessageIdLength = 64

/** How deep a message may nest. JSON is read without a stack but written with one: a few thousand levels would overflow it. */
export const maxNesting = 500

/**
 * Codes of `error` messages: stable, for programs. They are also the values of the label `cause` of the error counter.
 * `closes` says whether the connection is closed as well (see close-codes.ts).
 */
export const errorCodes = {
  invalid_json: { text: 'The frame is not a JSON object.', closes: false },
  invalid_message: { text: 'The message does not fit its schema.', closes: false },
  unknown_type: { text: 'The message type is not known.', closes: false },
  binary_not_supported: { text: 'Only text frames are understood.', closes: false },
  rate_limited: { text: 'Messages come faster than this connection may send; this one was not processed.', closes: false },
  rate_abuse: { text: 'Messages kept coming at many times the allowed rate.', closes: true },
  frame_too_large: { text: 'The frame is larger than allowed.', closes: true },
  invalid_frame: { text: 'The frame breaks the WebSocket protocol.', closes: true },
  slow_reader: { text: 'The connection reads too slowly; what it was owed exceeds the send buffer.', closes: true },
  rooms_unavailable: {
    text: 'Room messages cannot be stored right now and as many as allowed are waiting; this one was not accepted.',
    closes: false,
  },
  not_in_room: { text: 'Join the room before sending to it or leaving it.', closes: false },
  too_many_rooms: { text: 'This connection is in as many rooms as it may be.', closes: false },
  resume_invalid: { text: 'The resume token is not one of ours; a fresh session goes on.', closes: false },
  resume_expired: { text: 'The resume token has expired; a fresh session goes on.', closes: false },
  resume_unknown: { text: 'No session is held for this resume token any more; a fresh session goes on.', closes: false },
  resume_unavailable: { text: 'Sessions cannot be looked up right now; a fresh session goes on.', closes: false },
  resume_too_late: { text: 'A session can be resumed only before anything else is sent or joined on the new connection.', closes: false },
  internal: { text: 'Something failed on our side; it has been logged.', closes: false },
} as const satisfies Record<string, { text: string; closes: boolean }>
export type ErrorCode = keyof typeof errorCodes
