/**
 * Defines the schema of every message of the socket protocol, and the function that parses a frame. The module is pure. The file
 * docs/protocol.schema.json is generated from these schemas.
 */
import type { ClientMessageType, ErrorCode, ServerMessageType } from '@lab/contract/messages.ts'
import { clientMessageTypes, errorCodes, everyoneRoom, maxMessageIdLength, maxNesting, roomNamePattern } from '@lab/contract/messages.ts'
import { goodbyeReasons } from '@lab/contract/metrics.ts'
import { z } from 'zod'

const id = z.union([z.string().max(maxMessageIdLength), z.number()]).describe('Id chosen by the client. The answer repeats it.')
const time = z.number().describe("Time on the sender's clock, in milliseconds since 1970.")
const room = z.string().regex(new RegExp(roomNamePattern)).describe('Name of a room.')
const data = z
  .unknown()
  .refine((value) => value !== undefined, 'is required')
  .describe('Any JSON value.')
const seq = z
  .int()
  .nonnegative()
  .describe(
    'Sequence number in the log of all room messages. The sequence number increases from message to message and is equal on all replicas.',
  )

/** Schemas of the messages that clients send. */
export const clientMessages = {
  message: z
    .strictObject({ type: z.literal('message'), id: id.optional(), time: time.optional(), data })
    .describe('The server answers with a message_response that contains the same data.'),
  broadcast: z
    .strictObject({ type: z.literal('broadcast'), id: id.optional(), time: time.optional(), room: room.optional(), data })
    .describe(
      `The server sends the data as a room_message to every member of the room, or to everyone if no room is given. The answer is a message_response, which follows when the message is stored. The server recognises a repetition with the same id and does not send it again.`,
    ),
  join: z
    .strictObject({
      type: z.literal('join'),
      id: id.optional(),
      room,
      since: seq.optional().describe('Requests the stored messages of the room after this sequence number, instead of the latest few.'),
    })
    .describe('The server answers with room_joined, followed by the latest messages of the room.'),
  leave: z.strictObject({ type: z.literal('leave'), id: id.optional(), room }).describe('The server answers with room_left.'),
  heartbeat: z
    .strictObject({ type: z.literal('heartbeat'), id: id.optional(), time: time.optional() })
    .describe('Prevents the server from closing a silent connection as idle. The server answers with a heartbeat.'),
  resume: z
    .strictObject({
      type: z.literal('resume'),
      id: id.optional(),
      token: z.string().max(512),
      lastSeq: seq
        .optional()
        .describe('The lowest sequence number of all rooms of the session. The default is the last acknowledged sequence number.'),
    })
    .describe(
      'Continues an earlier session, which may come from this replica or from another. The server answers with resumed and the missed messages, or with an error.',
    ),
  ack: z
    .strictObject({ type: z.literal('ack'), seq })
    .describe(
      'Confirms that the client has received everything up to the sequence number `seq`. A client that has no stored state resumes after this number. The server does not answer.',
    ),
} as const satisfies Record<ClientMessageType, z.ZodType>

export type ClientMessage = { [T in ClientMessageType]: z.infer<(typeof clientMessages)[T]> }[ClientMessageType]

/** Fields that every server message has. */
const from = { replica: z.string().describe('The replica that sent the message.'), time }

const limits = z.strictObject({
  maxFrameBytes: z.int(),
  messagesPerSecond: z.number(),
  maxRooms: z.int(),
  sendBufferBytes: z.int(),
})

const members = z.int().describe('Number of members of the room on all replicas.')

/** Schemas of the messages that the server sends. */
export const serverMessages = {
  connection_established: z.strictObject({
    type: z.literal('connection_established'),
    ...from,
    version: z.string().describe('What the replica runs, as in the label `version` of its metrics.'),
    connectionId: z.string(),
    heartbeatIntervalMs: z.int(),
    connectionTimeoutMs: z.int().describe('Idle time after which the server closes the connection.'),
    resumeToken: z.string().describe('Token for a resume message that continues this session on a new connection.'),
    seq: seq.describe(
      'Last sequence number of the log; later messages have higher numbers. The value 0 means that the number is unknown, and that the whole log follows.',
    ),
    limits,
  }),
  heartbeat: z.strictObject({
    type: z.literal('heartbeat'),
    ...from,
    id: id.optional(),
    clientTime: time.optional(),
    seq: seq.optional().describe('Everything in the rooms of the session has been sent up to this sequence number.'),
  }),
  message_response: z.strictObject({
    type: z.literal('message_response'),
    ...from,
    id: id.optional(),
    clientTime: time.optional().describe("The time of the client's message, from which the client computes the round-trip time."),
    data: data.optional().describe('The data of the client message (only in the answer to message).'),
    stored: z
      .boolean()
      .optional()
      .describe(
        'Whether the message is in the log and will reach every member (only in the answer to broadcast). An answer with false is followed by a second answer with true.',
      ),
    seq: seq.optional().describe('Sequence number of the message; absent until the message is stored.'),
    duplicate: z.literal(true).optional().describe('The store already contains a message with this id, so this message was not sent.'),
  }),
  room_message: z.strictObject({
    type: z.literal('room_message'),
    ...from,
    room: z.string().describe(`The room, or "${everyoneRoom}" if the message was sent to everyone.`),
    from: z.string().describe('Connection id of the sender.'),
    id: id.optional(),
    clientTime: time.optional(),
    data,
    seq: seq.optional(),
    offset: z
      .int()
      .optional()
      .describe(
        'Number of the message within its room, counted from 1 without gaps. The number restarts at 1 if the store forgot the room.',
      ),
    provisional: z
      .literal(true)
      .optional()
      .describe(
        'The store is unavailable, so only members on this replica received the message. The message is sent again when the store has stored it.',
      ),
  }),
  room_joined: z.strictObject({
    type: z.literal('room_joined'),
    ...from,
    id: id.optional(),
    room: z.string(),
    members,
    history: z.int().describe('Number of earlier messages of the room that follow.'),
    seq: seq.describe(
      'When these messages have arrived, the room is complete up to this number; later messages have higher numbers. The value 0 means that the number is unknown.',
    ),
  }),
  room_left: z.strictObject({ type: z.literal('room_left'), ...from, id: id.optional(), room: z.string(), members }),
  resumed: z.strictObject({
    type: z.literal('resumed'),
    ...from,
    id: id.optional(),
    connectionId: z.string(),
    rooms: z.array(z.string()).describe('Names of the rooms of the session.'),
    replayed: z.int().describe('Number of missed messages that follow.'),
    seq: seq.describe('Sequence number after which the missed messages begin.'),
    resumeToken: z.string().describe('Replaces the previous token, which is refused when the client has received or used this token.'),
  }),
  resume_gap: z.strictObject({
    type: z.literal('resume_gap'),
    ...from,
    room: z.string().optional().describe('The room with the gap; if absent, the gap may affect any room of the session.'),
    from: seq.describe('First sequence number of the gap.'),
    to: seq.describe('Last sequence number of the gap. The store no longer has the messages of the gap, so some messages may be missing.'),
  }),
  error: z.strictObject({
    type: z.literal('error'),
    ...from,
    id: id.optional(),
    code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
    message: z.string().describe('Explanation of the problem and of the allowed values, for people.'),
    resumeToken: z.string().optional().describe('In some answers to a resume request: replaces the token of the new session.'),
  }),
  goodbye: z.strictObject({
    type: z.literal('goodbye'),
    ...from,
    reason: z.enum(goodbyeReasons).describe('draining: the replica stops. rebalancing: other replicas have fewer connections.'),
    comeBackInMs: z
      .int()
      .describe('Delay before reconnecting. The delay is random for each connection, so that clients do not all reconnect at once.'),
    windowMs: z.int().describe('Length of the window from which the delay was chosen at random.'),
    resumeToken: z.string(),
  }),
} as const satisfies Record<ServerMessageType, z.ZodType>

export type ServerMessage = { [T in ServerMessageType]: z.infer<(typeof serverMessages)[T]> }[ServerMessageType]

/** A valid message, or the error to send in response. */
export type Parsed = { ok: true; message: ClientMessage } | { ok: false; code: ErrorCode; text: string; id?: string | number }

const known = new Set<string>(clientMessageTypes)

/**
 * Parses a text frame. Never throws.
 * @param text the frame's text, whose size has already been checked
 * @returns the message, or an error code and a sentence that states the problem and the allowed values
 */
export function parseFrame(text: string): Parsed {
  const levels = nesting(text)
  if (levels > maxNesting) return failure('invalid_message', `nested ${levels} levels deep; allowed: ${maxNesting}.`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return failure('invalid_json', errorCodes.invalid_json.text)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return failure('invalid_json', errorCodes.invalid_json.text)
  const { type, id: givenId } = value as { type?: unknown; id?: unknown }
  if (typeof type !== 'string' || !known.has(type)) {
    return failure(
      'unknown_type',
      `type ${quote(type)} is not known; allowed: ${clientMessageTypes.join(', ')}.`,
      id.safeParse(givenId).data,
    )
  }
  const parsed = clientMessages[type as ClientMessageType].safeParse(value)
  if (parsed.success) return { ok: true, message: parsed.data as ClientMessage }
  const issues = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.') || type}: ${issue.message}`)
  return failure('invalid_message', `${issues.join('; ')}.`, id.safeParse(givenId).data)
}

/** Returns the nesting depth of the JSON in a frame. Short frames cannot exceed the nesting limit and are not scanned. */
function nesting(text: string): number {
  if (text.length <= maxNesting) return 0
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === quoteChar) inString = !inString
    else if (inString) i += char === backslash ? 1 : 0
    else if (char === openBracket || char === openBrace) deepest = Math.max(deepest, ++depth)
    else if (char === closeBracket || char === closeBrace) depth--
  }
  return deepest
}
const [quoteChar, backslash, openBracket, closeBracket, openBrace, closeBrace] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d]

function failure(code: ErrorCode, text: string, id?: string | number): Parsed {
  return id === undefined ? { ok: false, code, text } : { ok: false, code, text, id }
}

/** Quotes a client's value for an error message, shortened to a fixed maximum length. */
function quote(value: unknown): string {
  if (value === undefined) return '(none)'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
