/**
 * When each connection is looked at: a wheel of slots, so that ten thousand pings are spread over the interval
 * instead of stalling everybody in one sweep. Pure: somebody else owns the timer and the clock.
 */

/** More slots than this would tick more often than timers are good for. */
const maxSlots = 256
/** Ticks closer together than this cost more than they spread. Milliseconds. */
const minTickMs = 5

/**
 * A visit every 0.45 intervals and a ping every second one: a peer that dies right after a pong is pinged within 0.9
 * and found dead at the visit after, within 1.35 intervals; the rest up to 1.5 is for timers that come late.
 */
const visitShare = 0.45

export interface WheelPlan {
  slots: number
  tickMs: number
}

/**
 * How many slots to turn through and how fast.
 * @param heartbeatIntervalMs from one ping to the next
 * @param connectionTimeoutMs idle time that is allowed; a short one makes the wheel turn faster, so that it is noticed in time
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

  /** Puts the member in a slot and returns its number, which `remove` wants back. */
  add(member: T): number {
    const slot = this.next
    this.next = (this.next + 1) % this.slots.length
    this.slots[slot]?.add(member)
    return slot
  }

  remove(member: T, slot: number): void {
    this.slots[slot]?.delete(member)
  }

  /** The members whose turn it is; call it once per tick. */
  turn(): Iterable<T> {
    const current = this.slots[this.position] ?? []
    this.position = (this.position + 1) % this.slots.length
    return current
  }
}

export interface PeerSigns {
  /** When the ping was sent that has not been answered yet; 0 when none is open. */
  pingedAtMs: number
  /** When the last ping was sent, answered or not; the time of opening before the first. */
  lastPingMs: number
  /** When the client last sent a message. */
  lastMessageMs: number
}

export type Visit = 'dead' | 'idle' | 'ping' | 'nothing'

/** What to do with a connection when it is its turn. Times by one steady clock, in milliseconds. */
export function visit(signs: PeerSigns, nowMs: number, heartbeatIntervalMs: number, connectionTimeoutMs: number): Visit {
  const halfWay = heartbeatIntervalMs * visitShare
  if (signs.pingedAtMs !== 0 && nowMs - signs.pingedAtMs >= halfWay * 0.9) return 'dead'
  if (nowMs - signs.lastMessageMs >= connectionTimeoutMs) return 'idle'
  return signs.pingedAtMs === 0 && nowMs - signs.lastPingMs >= halfWay * 1.8 ? 'ping' : 'nothing'
}
