/** Defines the messages exchanged between the lab and its load driver. */

export interface LoadRequest {
  sockets: number
}

export interface LoadReport {
  wanted: number
  /** Number of open sockets with a session. */
  open: number
  answeredPerSecond: number
  /** Round-trip times over the last reporting interval, in milliseconds; null if no request received a response. */
  p50Ms: number | null
  p95Ms: number | null
  /** Number of sessions that continued on another replica. */
  moves: number
  /** Number of lost sessions; their clients started new ones. A client that starts a new session may have missed any number of messages. */
  afresh: number
  /** Number of room messages missing from resumed sessions. The number of missing messages is meaningful only if replicas share a store. */
  lost: number
  reconnects: number
}

/** The load driver's report before it has been asked to open any sockets. */
export const noLoad: LoadReport = {
  wanted: 0,
  open: 0,
  answeredPerSecond: 0,
  p50Ms: null,
  p95Ms: null,
  moves: 0,
  afresh: 0,
  lost: 0,
  reconnects: 0,
}
