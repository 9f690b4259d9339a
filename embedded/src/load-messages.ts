/** What the lab and its load driver tell each other. */

export interface LoadWish {
  sockets: number
}

export interface LoadReport {
  wanted: number
  /** Sockets that are open and have their session. */
  open: number
  answeredPerSecond: number
  /** Round trips of the last seconds, in milliseconds; null when there were none. */
  p50Ms: number | null
  p95Ms: number | null
  /** Sessions that went on at another replica. */
  moves: number
  /** Sessions that could not go on, so that their clients began anew: they may have missed messages, and nobody can say which. */
  afresh: number
  /** Room messages known to be missing, in sessions that went on. Says something only where replicas share a store. */
  lost: number
  reconnects: number
}

/** Before anything was asked for. */
export const noLoad: LoadReport = {
  ...{ wanted: 0, open: 0, answeredPerSecond: 0, p50Ms: null, p95Ms: null },
  ...{ moves: 0, afresh: 0, lost: 0, reconnects: 0 },
}
