/** Defines the messages between the lab and its load driver. */

export interface LoadRequest {
  sockets: number
}

export interface LoadReport {
  wanted: number
  /** Number of open sockets with a session. */
  open: number
  answeredPerSecond: number
  /** Round-trip times of the last few seconds, in milliseconds; null if no request was answered. */
  p50Ms: number | null
  p95Ms: number | null
  /** Number of sessions that continued on another replica. */
  moves: number
  /**
   * Number of sessions that were lost, so that their clients began new sessions. Clients that began a new session may have missed an
   * unknown number of messages.
   */
  afresh: number
  /**
   * Number of room messages that are missing in resumed sessions. The number of missing messages is meaningful only if replicas share a
   * store.
   */
  lost: number
  reconnects: number
}

/** The report of the load driver before its first request. */
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
