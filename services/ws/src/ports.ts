/** What the inside of a replica asks of the outside, besides sockets (connection.ts), the room bus and the session store. */

export interface Clock {
  /** Wall-clock time, milliseconds since 1970. */
  now(): number
  /** A clock that only goes forward, milliseconds from anywhere. */
  steady(): number
}

/** The part of a logger that is used here. */
export interface Log {
  info(fields: object, text: string): void
  error(fields: object, text: string): void
}
