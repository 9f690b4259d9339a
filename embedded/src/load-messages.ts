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
  /** Room messages known to be missing. */
  lost: number
  reconnects: number
}
