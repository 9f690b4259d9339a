/**
 * The public face of the client: what it needs from outside, what it is told, what it tells.
 * One code for browsers, Node and k6, so files of this folder import nothing but each other and the contract, by relative path.
 */
import type { ErrorCode } from '../../contract/src/messages.ts'
import type { GoodbyeReason } from '../../contract/src/metrics.ts'

/** What is asked of a socket: the part of the browser's WebSocket that Node's, k6's and ws's have in common. */
export interface Socket {
  onopen: ((event?: never) => void) | null
  onmessage: ((event?: never) => void) | null
  onerror: ((event?: never) => void) | null
  onclose: ((event?: never) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
  /** Cuts the connection without a closing handshake, where the library can. */
  terminate?(): void
}

/** What the client needs from the world around it. */
export interface Environment {
  dial(url: string): Socket
  /** Runs a function once, this many milliseconds later. Returns what `clearTimer` takes. */
  setTimer(then: () => void, delayMs: number): unknown
  clearTimer(timer: unknown): void
  /** Wall-clock time, milliseconds since 1970: goes out as `time` of requests. */
  now(): number
  /** Milliseconds by a clock that never jumps: for every wait. */
  steady(): number
  /** A number from 0 (included) to 1 (excluded). */
  random(): number
}

export interface ClientOptions {
  /** Where to dial, as in ws://localhost:8000/ws; a function is asked before each dial. */
  url: string | (() => string)
  onEvent: (event: ClientEvent) => void
  /** Rooms to be in from the start. */
  rooms?: readonly string[]
  /**
   * Called before a dial that is to reach another replica (after a goodbye), for dropping the router's sticky cookie. The dial
   * waits for a promise, two seconds at most.
   */
  forgetReplica?: (reason: GoodbyeReason) => void | Promise<void>
  /** `none` comes back at once, every time: the naive client, for showing what it does to a server. Default: full jitter. */
  backoff?: 'full-jitter' | 'none'
  /** The first wait is a random share of this, the next of twice as much, and so on. Milliseconds; default 1,000. */
  backoffBaseMs?: number
  /** The longest wait is a random share of this. Milliseconds; default 30,000. */
  backoffCapMs?: number
  /** A connection that lasted this long has proven itself: the next wait is short again. Milliseconds; default 10,000. */
  stableMs?: number
  /** From dialling to a connection that has taken the session over. Milliseconds; default 10,000. */
  connectTimeoutMs?: number
  /** A request that is not answered for this long is sent again on the same connection. Milliseconds; default 10,000. */
  answerTimeoutMs?: number
  /** Requests that may wait for an answer; further ones throw. Default 1,000. */
  maxUnanswered?: number
  /** Acknowledge after this many room messages (default 50) ... */
  ackEvery?: number
  /** ... or this long after the first that is not acknowledged. Milliseconds; default 5,000. */
  ackAfterMs?: number
  /** Also report every frame, as event `frame`. */
  trace?: boolean
}

/** `leaving`: told to go, and still connected to the old replica. `waiting`: for the time of the next try. `closed`: for good. */
export type StateWord = 'connecting' | 'open' | 'leaving' | 'waiting' | 'closed'

export interface ClientState {
  word: StateWord
  /** Replica that the session is at, or was last. */
  replica: string | undefined
  /** The replica before that, when it was another. */
  movedFrom: string | undefined
  /** Name of the session to others: `from` of its room messages. */
  connectionId: string | undefined
  /** Failed tries since the last connection. */
  attempt: number
  /** Milliseconds until the next dial (`waiting`) or the move (`leaving`), from when the state was entered. */
  nextTryInMs: number | undefined
  /** How the last connection ended. */
  closeCode: number | undefined
  /** For people: why it is in this state. */
  reason: string
}

export type RequestKind = 'message' | 'broadcast' | 'join' | 'leave'

/** A room message, delivered once, in the order of its room. */
export interface RoomMessage {
  room: string
  /** Connection id of the sender. */
  from: string
  id?: string | number
  data: unknown
  /** `time` of the sender, milliseconds since 1970. */
  clientTime?: number
  /** Replica that delivered it. */
  replica: string
  /** Place in the log; absent while provisional. */
  seq?: number
  /** Number within its room; absent while provisional. */
  offset?: number
  /** The store is away: the message has no place yet. Its second coming is dropped. */
  provisional?: true
  /** Not live: from before we joined the room, or what we missed and were sent later. */
  earlier?: 'history' | 'replay'
}

/** How one connection of the client ended. */
export type CloseWhy =
  /** The other side closed, or the network did. */
  | 'remote'
  /** Silent for two heartbeat intervals. */
  | 'half_open'
  /** Not ready within `connectTimeoutMs`. */
  | 'connect_timeout'
  /** Its session goes on in another connection of ours. */
  | 'moved'
  /** `close()` was called. */
  | 'left'

export type ClientEvent =
  | { type: 'state'; state: ClientState }
  /** A dial begins. `connection` counts dials from 1. */
  | { type: 'dialling'; connection: number }
  /** The handshake succeeded. @param tookMs from dialling */
  | { type: 'opened'; connection: number; tookMs: number }
  /** A connection is over. `opened` says whether its handshake had succeeded; code 1006 when there was none on the wire. */
  | { type: 'closed'; connection: number; opened: boolean; code: number; reason: string; why: CloseWhy; replica: string | undefined }
  /** The session is at this connection now: fresh, or continued. `refused` says why a resume was not possible. */
  | {
      type: 'attached'
      connection: number
      replica: string
      connectionId: string
      how: 'fresh' | 'resumed'
      replayed: number
      refused?: ErrorCode
    }
  | { type: 'goodbye'; reason: GoodbyeReason; comeBackInMs: number; replica: string }
  | { type: 'message'; message: RoomMessage }
  /** A room message that was not handed on. `replayed`: had it before the resume. `provisional`: had it without its place.
   *  `duplicate`: sent twice without need. `out_of_order`: came after a later one of its room; the hole was reported as a gap. */
  | { type: 'dropped'; why: 'replayed' | 'provisional' | 'duplicate' | 'out_of_order'; message: RoomMessage }
  /**
   * Messages are missing. `resume_gap`: the server says that places `from` to `to` are not kept any more, some may be missing.
   * `fresh_session`: the session could not be resumed; of the room of everyone, `from` to `to` can't be asked for again.
   * `offsets`: `missing` messages of the room were never sent to us.
   */
  | { type: 'gap'; why: 'resume_gap' | 'fresh_session' | 'offsets'; room: string | undefined; from: number; to: number; missing?: number }
  /** A request was answered. `tookMs` from the first sending; `sends` counts sendings. */
  | {
      type: 'answered'
      id: string
      request: RequestKind
      room: string | undefined
      tookMs: number
      sends: number
      replica: string
      /** Answer to message: what was sent. */
      data?: unknown
      /** Answer to broadcast: false while the store is away; another answer with true follows. */
      stored?: boolean
      seq?: number
      /** The server had it already from an earlier sending. */
      duplicate?: true
      /** Members of the room, after join and leave. */
      members?: number
    }
  /** A request was refused, and is not sent again. */
  | { type: 'refused'; id: string; request: RequestKind; room: string | undefined; code: ErrorCode; text: string }
  /** An error that belongs to no request, or a frame that can't be understood (`code` undefined). */
  | { type: 'error'; code: ErrorCode | undefined; text: string }
  | { type: 'frame'; direction: 'in' | 'out'; connection: number; text: string }

/** Counts since the client was made. */
export interface ClientStats {
  /** Requests made, each once however often it was sent. */
  sent: number
  /** Requests sent once more. */
  resent: number
  answered: number
  refused: number
  /** Requests that wait for their answer now. */
  unanswered: number
  /** Room messages handed on. */
  received: number
  duplicatesDropped: number
  /** Events `gap`. */
  gaps: number
  /** Room messages known to be missing, by their offsets. */
  missing: number
  /** Connections after the first that took the session over. */
  reconnects: number
  resumes: number
  /** Times the session changed its replica. */
  moves: number
  halfOpen: number
  /** Round trip of the last answered request. Milliseconds. */
  rttMs: number | undefined
}

export interface Client {
  readonly state: ClientState
  readonly stats: ClientStats
  /** Sends data to the server, which answers with the same. Returns the request's id. Throws when too many wait for answers, or after close(). */
  send(data: unknown): string
  /** Sends data to every member of a room, or to everyone. As `send`. */
  broadcast(room: string | undefined, data: unknown): string
  /** Enters a room, and again after every reconnect. As `send`. */
  join(room: string): string
  leave(room: string): string
  /** Cuts the connection, which comes back and resumes: for trying it out. */
  drop(): void
  /** Ends the session for good. Requests without an answer stay unanswered. */
  close(): void
}
