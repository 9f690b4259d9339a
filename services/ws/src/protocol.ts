/**
 * Defines the schema of every message of the socket protocol, and the function that parses a frame. The module uses no clock, process or
 * socket. The file docs/protocol.schema.json is generated from these schemas.
 */
import type { ClientMessageType, ErrorCode, ServerMessageType } from '@lab/contract/messages.ts'
import { clientMessageTypes, errorCodes, everyoneRoom, maxMessageIdLength, maxNesting, roomNamePattern } from '@lab/contract/messages.ts'
import { goodbyeReasons } from '@lab/contract/metrics.ts'
import { z } from 'zod'

const id = z.union([z.string().max(maxMessageIdLength), z.number()]).describe('Id chosen by the client. The response contains the same id.')
const time = z.number().describe("Time on the sender's clock, in milliseconds since 1970.")
const room = z.string().regex(new RegExp(roomNamePattern)).describe('Name of a room.')
const data = z
  .unknown()
  .refine((value) => value !== undefined, 'is required')
  .describe('Any JSON value.')
const seq = z
  .int()
  .nonnegative()
  .describe('Sequence number in the log of all room messages. The number increases with every message and is the same on all replicas.')

/** Schemas of the messages that clients send. */
export const clientMessages = {
  message: z
    .strictObject({ type: z.literal('message'), id: id.optional(), time: time.optional(), data })
    .describe('The server responds with a message_response that contains the same data.'),
  broadcast: z
    .strictObject({ type: z.literal('broadcast'), id: id.optional(), time: time.optional(), room: room.optional(), data })
    .describe(
      `The server sends the data in a room_message to every member of the room, or to every client if no room is given. The server responds with a message_response when the message has been stored. If the client resends a message with the same id, the server recognises the duplicate and does not deliver it again.`,
    ),
  join: z
    .strictObject({
      type: z.literal('join'),
      id: id.optional(),
      room,
      since: seq
        .optional()
        .describe("Requests the room's stored messages after this sequence number, instead of only the latest few messages."),
    })
    .describe("The server responds with room_joined, followed by the room's latest messages."),
  leave: z.strictObject({ type: z.literal('leave'), id: id.optional(), room }).describe('The server responds with room_left.'),
  heartbeat: z
    .strictObject({ type: z.literal('heartbeat'), id: id.optional(), time: time.optional() })
    .describe('Prevents the server from closing an idle connection. The server responds with a heartbeat.'),
  resume: z
    .strictObject({
      type: z.literal('resume'),
      id: id.optional(),
      token: z.string().max(512),
      lastSeq: seq
        .optional()
        .describe("The lowest position (sequence number) of the session's rooms. The default is the last acknowledged sequence number."),
    })
    .describe(
      'Continues an earlier session, which may have been on this replica or on another one. The server responds with resumed and the missed messages, or with an error.',
    ),
  ack: z
    .strictObject({ type: z.literal('ack'), seq })
    .describe(
      'Confirms that the client has received all messages up to the sequence number `seq`. A later resume without `lastSeq` continues after this sequence number. The server does not respond to an ack.',
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

const members = z.int().describe('Number of room members on all replicas.')

/** Schemas of the messages that the server sends. */
export const serverMessages = {
  connection_established: z.strictObject({
    type: z.literal('connection_established'),
    ...from,
    version: z.string().describe("The replica's version, as in the `version` label of its metrics."),
    colour: z.string().describe("The replica's colour, blue or green, as in the `colour` label of its metrics."),
    connectionId: z.string(),
    heartbeatIntervalMs: z.int(),
    connectionTimeoutMs: z.int().describe('Idle time after which the server closes the connection.'),
    resumeToken: z.string().describe('Token for a resume message that continues this session on a new connection.'),
    seq: seq.describe(
      'Last sequence number in the log; later messages have higher numbers. The value 0 means that the replica does not know this number yet, and that the whole log follows.',
    ),
    limits,
  }),
  heartbeat: z.strictObject({
    type: z.literal('heartbeat'),
    ...from,
    id: id.optional(),
    clientTime: time.optional(),
    seq: seq.optional().describe("All messages in the session's rooms up to this sequence number have been sent."),
  }),
  message_response: z.strictObject({
    type: z.literal('message_response'),
    ...from,
    id: id.optional(),
    clientTime: time.optional().describe("The `time` of the client's message, from which the client can compute the round-trip time."),
    data: data.optional().describe("The data of the client's message (only in the response to a `message`)."),
    stored: z
      .boolean()
      .optional()
      .describe(
        'Whether the message is in the log and will reach every member (only in the response to a `broadcast`). A response with `stored: false` is followed by a second response with `stored: true`.',
      ),
    seq: seq.optional().describe('Sequence number of the message; absent until the message is stored.'),
    duplicate: z
      .literal(true)
      .optional()
      .describe('The store already contains a message with this id, so this message was not delivered again.'),
  }),
  room_message: z.strictObject({
    type: z.literal('room_message'),
    ...from,
    room: z.string().describe(`The room, or "${everyoneRoom}" if the message was sent to everyone.`),
    from: z.string().describe("The sender's connection id."),
    id: id.optional(),
    clientTime: time.optional(),
    data,
    seq: seq.optional(),
    offset: z
      .int()
      .optional()
      .describe(
        "Number of the message within its room, counted from 1 without gaps. The numbering restarts at 1 if the store has lost the room's data.",
      ),
    provisional: z
      .literal(true)
      .optional()
      .describe(
        'The store is unavailable, so only room members on this replica receive the message for now. The replica sends the message again once it has been stored.',
      ),
  }),
  room_joined: z.strictObject({
    type: z.literal('room_joined'),
    ...from,
    id: id.optional(),
    room: z.string(),
    members,
    history: z.int().describe('Number of earlier room messages that follow.'),
    seq: seq.describe(
      'Once the history has arrived, the client has every message of the room up to this sequence number; later messages have higher numbers. The value 0 means that the replica does not know this number.',
    ),
  }),
  room_left: z.strictObject({ type: z.literal('room_left'), ...from, id: id.optional(), room: z.string(), members }),
  resumed: z.strictObject({
    type: z.literal('resumed'),
    ...from,
    id: id.optional(),
    connectionId: z.string(),
    rooms: z.array(z.string()).describe("Names of the session's rooms."),
    replayed: z.int().describe('Number of missed messages that follow.'),
    seq: seq.describe('Sequence number after which the missed messages begin.'),
    resumeToken: z.string().describe('Replaces the previous token, which is refused once the client has received or used the new one.'),
  }),
  resume_gap: z.strictObject({
    type: z.literal('resume_gap'),
    ...from,
    room: z.string().optional().describe('The room with the gap; if absent, the gap may affect any room of the session.'),
    from: seq.describe('First sequence number of the gap.'),
    to: seq.describe(
      'Last sequence number of the gap. The store no longer contains the messages of the gap, so the client may have missed some of them.',
    ),
  }),
  error: z.strictObject({
    type: z.literal('error'),
    ...from,
    id: id.optional(),
    code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
    message: z.string().describe('Human-readable explanation of the problem and of the allowed values.'),
    resumeToken: z.string().optional().describe("Present in some responses to a resume request; replaces the new session's token."),
  }),
  goodbye: z.strictObject({
    type: z.literal('goodbye'),
    ...from,
    reason: z
      .enum(goodbyeReasons)
      .describe('`draining`: the replica is shutting down. `rebalancing`: other replicas have fewer connections.'),
    comeBackInMs: z
      .int()
      .describe('Delay before reconnecting, chosen at random for each connection, so that clients do not all reconnect at once.'),
    windowMs: z.int().describe('Length of the time window from which `comeBackInMs` was chosen at random.'),
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

/** Returns the nesting depth of the JSON in a frame. Short frames cannot exceed the nesting limit, so they are not scanned. */
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

/** Quotes a value from a client message for an error message, truncated to a fixed maximum length. */
function quote(value: unknown): string {
  if (value === undefined) return '(none)'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
