/**
 * Defines how a k6 run asks the live page's server for its number of sockets. This module does not use zod, because k6 imports it and has
 * no packages.
 */
import { mostSockets } from './endpoints.ts'

export const loadControl = {
  /** The path to which each virtual user posts a `LoadPoll`; the response is a `LoadAnswer`. */
  path: '/api/k6',
  /** Interval between two polls of a virtual user. Milliseconds. */
  pollEveryMs: 2_000,
  /** Period over which a change of the number of sockets is spread. Milliseconds. */
  changeOverMs: 4_000,
  /** A run whose virtual users have sent no poll for this long has ended. Milliseconds. */
  silentAfterMs: 8_000,
  /** Minimum number of virtual users of a run that can be changed: with 40 virtual users, a run can have 20,000 sockets, 500 for each. */
  minVus: 40,
} as const

/** The minimum and maximum number of sockets of a k6 run. */
export const k6Sockets = { min: 1, max: mostSockets } as const

/** What a virtual user reports. */
export interface LoadPoll {
  /** Name of the run, the same for all its virtual users. */
  run: string
  /** Number of the virtual user, starting at 0. */
  vu: number
  /** Number of sockets that this virtual user has open. */
  open: number
  /** Number of sockets that the whole run should have at its peak. */
  wanted: number
}

/** A new number of sockets for a run, which applies from `atMs`, in milliseconds since 1970. */
export interface LoadChange {
  sockets: number
  atMs: number
}

/** The latest change of the run; null if the run has not been changed. */
export interface LoadAnswer {
  change: LoadChange | null
}
