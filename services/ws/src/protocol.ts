/**
 * The socket protocol: schemas of every message, and the one function that turns a frame into a message or an error.
 * Pure. docs/protocol.schema.json is generated from these schemas.
 */
import type { ClientMessageType, ErrorCode, ServerMessageType } from '@lab/contract/messages.ts'
import { clientMessageTypes, errorCodes, everyoneRoom, maxMessageIdLength, maxNesting, roomNamePattern } from '@lab/contract/messages.ts'
import { goodbyeReasons } from '@lab/contract/metrics.ts'
import { z } from 'zod'

const id = z.union([z.string().max(maxMessageIdLength), z.number()]).describe('Chosen by the client; the answer repeats it.')
const time = z.number().describe('Milliseconds since 1970, by the clock of the sender.')
const room = z.string().regex(new RegExp(roomNamePattern)).describe('Name of a room.')
const data = z
  .unknown()
  .refine((value) => value !== undefined, 'is required')
  .describe('Any JSON value.')
const seq = z
  .int()
  .nonnegative()
  .describe('Place in the log of all room messages. It grows from message to message, on every replica the same.')

/** What a client may send. */
export const clientMessages = {
  message: z
    .strictObject({ type: z.literal('message'), id: id.optional(), time: time.optional(), data })
    .describe('Answered with a message_response that carries the same data.'),
  broadcast: z
    .strictObject({ type: z.literal('broadcast'), id: id.optional(), time: time.optional(), room: room.optional(), data })
    .describe(
      `Sent as room_message to every member of the room, or to everyone when no room is named; answered with a message_response once it is stored. Sent again with the same id, it is recognised and not sent twice.`,
    ),
  join: z
    .strictObject({
      type: z.literal('join'),
      id: id.optional(),
      room,
      since: seq
        .optional()
        .describe('Have what the room was sent after this place, as far as it is kept, in place of the last few messages.'),
    })
    .describe('Answered with room_joined, which the latest messages of the room follow.'),
  leave: z.strictObject({ type: z.literal('leave'), id: id.optional(), room }).describe('Answered with room_left.'),
  heartbeat: z
    .strictObject({ type: z.literal('heartbeat'), id: id.optional(), time: time.optional() })
    .describe('Keeps an otherwise silent connection from being closed as idle; answered with a heartbeat.'),
  resume: z
    .strictObject({
      type: z.literal('resume'),
      id: id.optional(),
      token: z.string().max(512),
      lastSeq: seq.optional().describe('The last place the client knows of; without it, the one it acknowledged last.'),
    })
    .describe(
      'Continues an earlier session, of this replica or another; answered with resumed, which what was missed follows, or with an error.',
    ),
  ack: z
    .strictObject({ type: z.literal('ack'), seq })
    .describe('Everything up to this place has arrived: a client that comes back without its memory goes on from there. Not answered.'),
} as const satisfies Record<ClientMessageType, z.ZodType>

export type ClientMessage = { [T in ClientMessageType]: z.infer<(typeof clientMessages)[T]> }[ClientMessageType]

/** On every message the server sends. */
const from = { replica: z.string().describe('The replica that sent it.'), time }

const limits = z.strictObject({
  maxFrameBytes: z.int(),
  messagesPerSecond: z.number(),
  maxRooms: z.int(),
  sendBufferBytes: z.int(),
})

const members = z.int().describe('Members of the room, on all replicas together.')

/** What the server sends. */
export const serverMessages = {
  connection_established: z.strictObject({
    type: z.literal('connection_established'),
    ...from,
    connectionId: z.string(),
    heartbeatIntervalMs: z.int(),
    connectionTimeoutMs: z.int().describe('A connection that sends nothing for this long is closed.'),
    resumeToken: z.string().describe('Shown in a resume message to continue this session on a new connection.'),
    seq: seq.describe('Where the log is: what comes later has a higher number.'),
    limits,
  }),
  heartbeat: z.strictObject({ type: z.literal('heartbeat'), ...from, id: id.optional(), clientTime: time.optional() }),
  message_response: z.strictObject({
    type: z.literal('message_response'),
    ...from,
    id: id.optional(),
    clientTime: time.optional().describe('The time the client gave, for measuring the round trip.'),
    data: data.optional().describe('What was sent (answer to message).'),
    stored: z
      .boolean()
      .optional()
      .describe(
        'Answer to broadcast: whether it is in the log, and so will reach every member. After false comes another answer with true.',
      ),
    seq: seq.optional().describe('Its place in the log, once it is stored.'),
    duplicate: z.literal(true).optional().describe('A message with this id was stored before; this one was not sent.'),
  }),
  room_message: z.strictObject({
    type: z.literal('room_message'),
    ...from,
    room: z.string().describe(`The room, or "${everyoneRoom}" when it went to everyone.`),
    from: z.string().describe('Connection id of the sender.'),
    id: id.optional(),
    clientTime: time.optional(),
    data,
    seq: seq.optional(),
    offset: z.int().optional().describe('Number within the room, counted from 1 without gaps; from 1 again when the room was forgotten.'),
    provisional: z
      .literal(true)
      .optional()
      .describe('The store is away: only members at this replica have it for now. It comes again with seq and offset once it is stored.'),
  }),
  room_joined: z.strictObject({
    type: z.literal('room_joined'),
    ...from,
    id: id.optional(),
    room: z.string(),
    members,
    history: z.int().describe('How many earlier messages of the room follow.'),
    seq: seq.describe('Where the log is: what comes later has a higher number.'),
  }),
  room_left: z.strictObject({ type: z.literal('room_left'), ...from, id: id.optional(), room: z.string(), members }),
  resumed: z.strictObject({
    type: z.literal('resumed'),
    ...from,
    id: id.optional(),
    connectionId: z.string(),
    rooms: z.array(z.string()).describe('Rooms the session is in again.'),
    replayed: z.int().describe('How many missed messages follow.'),
    seq: seq.describe('Place after which they begin.'),
    resumeToken: z.string().describe('Replaces the token of before.'),
  }),
  resume_gap: z.strictObject({
    type: z.literal('resume_gap'),
    ...from,
    room: z.string().optional().describe('The room it is about; without it, any of the session.'),
    from: seq.describe('Messages from this place'),
    to: seq.describe('to this one are no longer kept; some may be missing.'),
  }),
  error: z.strictObject({
    type: z.literal('error'),
    ...from,
    id: id.optional(),
    code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
    message: z.string().describe('For people: what was wrong and what is allowed.'),
  }),
  goodbye: z.strictObject({
    type: z.literal('goodbye'),
    ...from,
    reason: z.enum(goodbyeReasons).describe('draining: the replica leaves. rebalancing: others have fewer connections.'),
    comeBackInMs: z
      .int()
      .describe('Wait this long before reconnecting; chosen at random for each connection, so that not all come at once.'),
    windowMs: z.int().describe('The window the wait was chosen from.'),
    resumeToken: z.string(),
  }),
} as const satisfies Record<ServerMessageType, z.ZodType>

export type ServerMessage = { [T in ServerMessageType]: z.infer<(typeof serverMessages)[T]> }[ServerMessageType]

/** A frame that was understood, or the error to answer it with. */
export type Parsed = { ok: true; message: ClientMessage } | { ok: false; code: ErrorCode; text: string; id?: string | number }

const known = new Set<string>(clientMessageTypes)

/**
 * Reads one text frame.
 * @param text the frame's text, already within the size limit
 * @returns the message, or the code and a sentence saying what is wrong and what is allowed; never throws
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

/** How deep a frame nests. Short ones cannot nest too deeply, so they are not looked through. */
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

/** Shows a foreign value in an error text without letting it grow. */
function quote(value: unknown): string {
  if (value === undefined) return '(none)'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
