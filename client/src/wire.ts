/**
 * Defines the server's messages, limited to the fields that the client uses. The schemas of all messages are in docs/protocol.schema.json.
 */
import type { ErrorCode } from '../../contract/src/messages.ts'
import { serverMessageTypes } from '../../contract/src/messages.ts'
import type { GoodbyeReason } from '../../contract/src/metrics.ts'

interface FromServer {
  replica: string
  id?: string | number
}

export interface Greeting extends FromServer {
  type: 'connection_established'
  version?: string
  colour?: string
  connectionId: string
  heartbeatIntervalMs: number
  connectionTimeoutMs: number
  resumeToken: string
  seq: number
  limits: { maxFrameBytes: number; messagesPerSecond: number }
}
export interface Response extends FromServer {
  type: 'message_response'
  data?: unknown
  stored?: boolean
  seq?: number
  duplicate?: true
}
export interface RoomFrame extends FromServer {
  type: 'room_message'
  room: string
  from: string
  clientTime?: number
  data: unknown
  seq?: number
  offset?: number
  provisional?: true
}
export interface RoomJoined extends FromServer {
  type: 'room_joined'
  room: string
  members: number
  history: number
  seq: number
}
export interface RoomLeft extends FromServer {
  type: 'room_left'
  room: string
  members: number
}
export interface Resumed extends FromServer {
  type: 'resumed'
  connectionId: string
  rooms: string[]
  replayed: number
  seq: number
  resumeToken: string
}
export interface ResumeGap extends FromServer {
  type: 'resume_gap'
  room?: string
  from: number
  to: number
}
export interface ServerError extends FromServer {
  type: 'error'
  code: ErrorCode
  message: string
  /**
   * When the server refuses to resume a session, `resumeToken` identifies the new session and lets the server recognise the client's
   * earlier messages.
   */
  resumeToken?: string
}
export interface Goodbye extends FromServer {
  type: 'goodbye'
  reason: GoodbyeReason
  comeBackInMs: number
  resumeToken: string
}
interface Heartbeat extends FromServer {
  type: 'heartbeat'
  seq?: number
}

export type Incoming = Greeting | Response | RoomFrame | RoomJoined | RoomLeft | Resumed | ResumeGap | ServerError | Goodbye | Heartbeat

const known = new Set<unknown>(serverMessageTypes)

/**
 * Returns the message that a frame contains, or undefined if the message type is unknown. The client validates only a message's type, not
 * its other fields.
 */
export function readFrame(frame: unknown): Incoming | undefined {
  if (typeof frame !== 'string') return undefined
  try {
    const message: unknown = JSON.parse(frame)
    return typeof message === 'object' && message !== null && known.has((message as Incoming).type) ? (message as Incoming) : undefined
  } catch {
    return undefined
  }
}

/** Returns the length of a string in UTF-8 bytes. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Each half of a surrogate pair accounts for two of the pair's four UTF-8 bytes.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1
  }
  return bytes
}
