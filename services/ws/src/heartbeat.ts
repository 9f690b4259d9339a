/**
 * Schedules the heartbeat checks of all connections. A timer wheel spreads the pings over the heartbeat interval, so that pinging even ten
 * thousand connections does not block other work. The timer wheel is pure: the caller provides the timer and the clock.
 */

/** A timer wheel with more slots would need more frequent ticks than a timer can provide. */
const maxSlots = 256
/** Minimum time between two ticks of the timer wheel. More frequent ticks would cost CPU time without any benefit. Milliseconds. */
const minTickMs = 5

/**
 * Each connection is checked every 0.45 heartbeat intervals and pinged at every second check. A client that dies right after sending a pong
 * is pinged within 0.9 heartbeat intervals and found to be dead at the following check, within 1.35 intervals. The time limit for detecting
 * a dead client is 1.5 heartbeat intervals, which leaves 0.15 intervals for late timers.
 */
const visitShare = 0.45

export interface WheelPlan {
  slots: number
  tickMs: number
}

/**
 * Returns the number of slots of the timer wheel and the time between two ticks.
 * @param heartbeatIntervalMs the interval between two pings
 * @param connectionTimeoutMs the maximum idle time of a connection; if it is short, the timer wheel turns faster, so that idle connections
 * are closed in time
 */
export function planWheel(heartbeatIntervalMs: number, connectionTimeoutMs: number): WheelPlan {
  const revolutionMs = Math.min(heartbeatIntervalMs, connectionTimeoutMs) * visitShare
  const slots = Math.max(1, Math.min(maxSlots, Math.floor(revolutionMs / minTickMs)))
  return { slots, tickMs: revolutionMs / slots }
}

export class Wheel<T> {
  private readonly slots: Set<T>[]
  private next = 0
  private position = 0

  constructor(slots: number) {
    this.slots = Array.from({ length: slots }, () => new Set<T>())
  }

  /** Adds the member to a slot of the timer wheel. Returns the slot number, which `remove` needs. */
  add(member: T): number {
    const slot = this.next
    this.next = (this.next + 1) % this.slots.length
    this.slots[slot]?.add(member)
    return slot
  }

  remove(member: T, slot: number): void {
    this.slots[slot]?.delete(member)
  }

  /** Returns the members of the timer wheel whose checks are due in the current tick. Call this method once per tick. */
  turn(): Iterable<T> {
    const current = this.slots[this.position] ?? []
    this.position = (this.position + 1) % this.slots.length
    return current
  }
}

export interface PeerSigns {
  /** Time of the ping whose pong has not arrived yet; 0 if there is none. */
  readonly pingedAtMs: number
  /** Time of the last ping; before the first ping, the time when the connection opened. */
  readonly lastPingMs: number
  /** Time of the last message from the client. */
  readonly lastMessageMs: number
  /** Whether the replica has stopped reading from the client, so that neither pongs nor messages arrive. */
  readonly paused: boolean
}

export type Visit = 'dead' | 'idle' | 'ping' | 'nothing'

/** Returns the action to perform when a connection is checked. All times are in milliseconds, from the same monotonic clock. */
export function visit(signs: PeerSigns, nowMs: number, heartbeatIntervalMs: number, connectionTimeoutMs: number): Visit {
  const halfWay = heartbeatIntervalMs * visitShare
  if (!signs.paused) {
    if (signs.pingedAtMs !== 0 && nowMs - signs.pingedAtMs >= halfWay * 0.9) return 'dead'
    if (nowMs - signs.lastMessageMs >= connectionTimeoutMs) return 'idle'
  }
  return (signs.pingedAtMs === 0 || signs.paused) && nowMs - signs.lastPingMs >= halfWay * 1.8 ? 'ping' : 'nothing'
}
