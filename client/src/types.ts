/**
 * Defines the client's public types: its environment, options and events. The client runs in browsers, Node and k6, so the files in this
 * folder import only each other and the shared contract/ folder, by relative path.
 */
import type { ErrorCode } from '../../contract/src/messages.ts'
import type { GoodbyeReason } from '../../contract/src/metrics.ts'

/** The socket interface that the client uses. The WebSocket classes of browsers, Node, k6 and the ws package all provide this interface. */
export interface Socket {
  onopen: ((event?: never) => void) | null
  onmessage: ((event?: never) => void) | null
  onerror: ((event?: never) => void) | null
  onclose: ((event?: never) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
  /** Closes the connection without a closing handshake, if the WebSocket library supports this. */
  terminate?(): void
}

/** The platform functions that the client uses, such as sockets, timers and clocks. */
export interface Environment {
  dial(url: string): Socket
  /** Runs a function once after a delay. Returns a timer handle for `clearTimer`. */
  setTimer(then: () => void, delayMs: number): unknown
  clearTimer(timer: unknown): void
  /** Returns the wall-clock time, in milliseconds since the Unix epoch. Requests contain the wall-clock time in their `time` field. */
  now(): number
  /** Returns the time on a monotonic clock, in milliseconds. All of the client's delays and timeouts use the monotonic clock. */
  steady(): number
  /** Returns a random number from 0 (inclusive) to 1 (exclusive). */
  random(): number
}

export interface ClientOptions {
  /**
   * WebSocket URL of the service, such as ws://localhost:8000/ws. If `url` is a function, the client calls it before each connection
   * attempt.
   */
  url: string | (() => string)
  onEvent: (event: ClientEvent) => void
  /** Rooms that the client joins when it starts. */
  rooms?: readonly string[]
  /**
   * Deletes the router's sticky cookie. Called after a `goodbye` message, before the connection attempt that should reach another replica.
   * If `forgetReplica` returns a promise, the connection attempt waits up to two seconds for that promise to settle.
   */
  forgetReplica?: (reason: GoodbyeReason) => void | Promise<void>
  /**
   * `full-jitter` (the default) waits for a random time before each attempt to reconnect. `none` reconnects immediately, to demonstrate how
   * simultaneous reconnects affect a server.
   */
  backoff?: 'full-jitter' | 'none'
  /**
   * Initial backoff window: the first reconnect delay is a random fraction of this window, which doubles with each failure. Milliseconds;
   * default 1,000.
   */
  backoffBaseMs?: number
  /** Upper limit of the backoff window; each reconnect delay is a random fraction of the window. Milliseconds; default 30,000. */
  backoffCapMs?: number
  /** How long a connection must last before the backoff restarts with its initial window. Milliseconds; default 10,000. */
  stableMs?: number
  /** Maximum time from the start of a connection attempt until the connection carries the session. Milliseconds; default 10,000. */
  connectTimeoutMs?: number
  /** Time after which a request without a response is resent on the same connection. Milliseconds; default 10,000. */
  answerTimeoutMs?: number
  /** Maximum number of requests that may be awaiting a response; additional requests throw an error. Default 1,000. */
  maxUnanswered?: number
  /** Number of received room messages after which the client sends an acknowledgement. Default 50. */
  ackEvery?: number
  /** Maximum delay between the first unacknowledged message and its acknowledgement. Milliseconds; default 5,000. */
  ackAfterMs?: number
  /** Whether to report every frame as a `frame` event. */
  trace?: boolean
}

/**
 * `leaving`: the server has asked the client to reconnect, and the client is still connected to the old replica. `waiting`: the client is
 * disconnected and waiting for the next connection attempt. `closed`: permanently.
 */
export type StateWord = 'connecting' | 'open' | 'leaving' | 'waiting' | 'closed'

export interface ClientState {
  word: StateWord
  /** Name of the replica to which the client is connected, or was last connected. */
  replica: string | undefined
  /** The session's previous replica, if the session has moved to another replica. */
  movedFrom: string | undefined
  /** The session's connection id, which other clients receive in the `from` field of its room messages. */
  connectionId: string | undefined
  /** Number of failed connection attempts since the last successful connection. */
  attempt: number
  /**
   * Time from the start of this state to the next connection attempt (`waiting`) or to the move to another replica (`leaving`).
   * Milliseconds.
   */
  nextTryInMs: number | undefined
  /** Close code of the last connection. */
  closeCode: number | undefined
  /** Human-readable explanation of the client's state. */
  reason: string
}

export type RequestKind = 'message' | 'broadcast' | 'join' | 'leave'

/** A room message. The client delivers the messages of each room exactly once and in order. */
export interface RoomMessage {
  room: string
  /** The sender's connection id. */
  from: string
  id?: string | number
  data: unknown
  /** The time that the sender set in the `time` field, in milliseconds since the Unix epoch. */
  clientTime?: number
  /** Name of the replica that delivered the message. */
  replica: string
  /** Sequence number in the room log; absent while the message is provisional. */
  seq?: number
  /** Offset of the message within its room; absent while the message is provisional. */
  offset?: number
  /**
   * Whether the message is provisional: it has no sequence number yet, because the store is unavailable. When the stored copy of a
   * provisional message arrives later, the client drops that copy.
   */
  provisional?: true
  /** The origin of a message that is not live: the history before the join, or the replay of missed messages. */
  earlier?: 'history' | 'replay'
}

/** Reason why one of the client's connections ended. */
export type CloseWhy =
  /** The server or the network closed the connection. */
  | 'remote'
  /** The server sent nothing for two heartbeat intervals. */
  | 'half_open'
  /** The connection did not become ready within `connectTimeoutMs`. */
  | 'connect_timeout'
  /** The session continues on another connection of this client. */
  | 'moved'
  /** `close()` was called. */
  | 'left'

export type ClientEvent =
  | { type: 'state'; state: ClientState }
  /** A connection attempt begins. `connection` is the number of the connection attempt, counted from 1. */
  | { type: 'dialling'; connection: number }
  /** The handshake succeeded. @param tookMs the time since the connection attempt began */
  | { type: 'opened'; connection: number; tookMs: number }
  /** A connection ended. `opened`: whether the connection's handshake had succeeded. The close code is 1006 if no close frame arrived. */
  | { type: 'closed'; connection: number; opened: boolean; code: number; reason: string; why: CloseWhy; replica: string | undefined }
  /**
   * The connection now carries a session, which is either new or resumed. `refused`: the reason why the server did not resume the session.
   */
  | {
      type: 'attached'
      connection: number
      replica: string
      /** Version that the replica runs; undefined if the replica does not report one. */
      version?: string | undefined
      /** The replica's colour, blue or green; undefined if the replica does not report a colour. */
      colour?: string | undefined
      connectionId: string
      how: 'fresh' | 'resumed'
      replayed: number
      refused?: ErrorCode
    }
  | { type: 'goodbye'; reason: GoodbyeReason; comeBackInMs: number; replica: string }
  | { type: 'message'; message: RoomMessage }
  /**
   * The client dropped a room message instead of delivering it. `replayed`: the message had already arrived before the session was resumed.
   * `provisional`: the message had already arrived without a sequence number. `duplicate`: the server sent the message twice.
   * `out_of_order`: the message arrived too late, because the client had already delivered a later message and reported a gap.
   */
  | { type: 'dropped'; why: 'replayed' | 'provisional' | 'duplicate' | 'out_of_order'; message: RoomMessage }
  /**
   * Messages are missing. `resume_gap`: the server no longer stores the messages with sequence numbers `from` to `to`, so the client may
   * have missed some of its messages. `fresh_session`: the session could not be resumed, so the client cannot request messages `from` to
   * `to` of the room `*`. `offsets`: the message offsets show that `missing` messages of the room never arrived.
   */
  | { type: 'gap'; why: 'resume_gap' | 'fresh_session' | 'offsets'; room: string | undefined; from: number; to: number; missing?: number }
  /**
   * A request received a response. `tookMs`: the time from the request to its response. `sends`: the number of times the client sent the
   * request.
   */
  | {
      type: 'answered'
      id: string
      request: RequestKind
      room: string | undefined
      tookMs: number
      sends: number
      replica: string
      /** In the response to a `message` request: the data that the client sent. */
      data?: unknown
      /**
       * In the response to a `broadcast` request: whether the message has been stored; false while the store is unavailable. After
       * `stored: false`, a second response with `stored: true` follows once the store is available again.
       */
      stored?: boolean
      seq?: number
      /** Whether the server had already received an earlier copy of the request. */
      duplicate?: true
      /** Number of room members, in the responses to `join` and `leave` requests. */
      members?: number
    }
  /** The server refused a request; the client will not resend it. */
  | { type: 'refused'; id: string; request: RequestKind; room: string | undefined; code: ErrorCode; text: string }
  /**
   * An error that does not relate to a particular request. `code` is undefined for an unrecognised frame and for an error in
   * `forgetReplica`.
   */
  | { type: 'error'; code: ErrorCode | undefined; text: string }
  | { type: 'frame'; direction: 'in' | 'out'; connection: number; text: string }

/** Counters that start at zero when the client is created. */
export interface ClientStats {
  /** Requests made. Each request is counted once, even if the client sent it more than once. */
  sent: number
  /** Number of times that requests were resent. */
  resent: number
  answered: number
  refused: number
  /** Number of requests that are awaiting a response. */
  unanswered: number
  /** Room messages delivered. */
  received: number
  duplicatesDropped: number
  /** Number of `gap` events. */
  gaps: number
  /** Number of room messages that are missing according to the message offsets. */
  missing: number
  /** Number of connections that have carried the session, excluding the first. */
  reconnects: number
  resumes: number
  /** Number of times that the session moved to another replica. */
  moves: number
  halfOpen: number
  /** Round-trip time of the latest request that received a response without being resent. Milliseconds. */
  rttMs: number | undefined
}

export interface Client {
  readonly state: ClientState
  readonly stats: ClientStats
  /**
   * Sends data to the server, which echoes it in its response. Returns the request id. Throws if too many requests are awaiting a response,
   * or after `close()`.
   */
  send(data: unknown): string
  /**
   * Sends data to every member of a room, or to all clients if `room` is undefined. Returns the request id; throws the same errors as
   * `send`.
   */
  broadcast(room: string | undefined, data: unknown): string
  /** Joins a room now, and rejoins it after reconnecting if necessary. Returns the request id; throws the same errors as `send`. */
  join(room: string): string
  leave(room: string): string
  /** Closes the connection; the client then reconnects and resumes the session. For demonstrations. */
  drop(): void
  /** Ends the session permanently. Requests that are still pending will never receive a response. */
  close(): void
}
