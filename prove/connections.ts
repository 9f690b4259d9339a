/** What each connection of the members was sent, as it came over the wire, and what is known of it when it ends. */
import { everyoneRoom } from '../contract/src/messages.ts'
import { Wire, type WireBreach } from './core/wire.ts'

/** The part of a frame that matters here. */
export interface SeenFrame {
  type: string
  replica?: string
  room?: string
  seq?: number
  reason?: string
}

interface Connection {
  wire: Wire
  replica?: string
  /** Why the replica asked it to go. */
  told?: string
}

/** Bound on the breaches that are kept. */
const mostBreaches = 1000

export class Connections {
  readonly breaches: { connection: string; breach: WireBreach }[] = []
  /** By member and number. */
  private readonly open = new Map<string, Connection>()

  opened(member: number, number: number): void {
    this.open.set(keyOf(member, number), { wire: new Wire() })
  }

  /** Looks at a frame that came. @returns what it says, unless the connection is not known */
  see(member: number, number: number, text: string): SeenFrame | undefined {
    const connection = this.open.get(keyOf(member, number))
    if (connection === undefined) return undefined
    const frame = JSON.parse(text) as SeenFrame
    if (frame.type === 'connection_established' && frame.replica !== undefined) connection.replica = frame.replica
    if (frame.type === 'goodbye' && frame.reason !== undefined) connection.told = frame.reason
    const breach = connection.wire.see(frame)
    if (breach !== undefined) this.keep(keyOf(member, number), connection, breach)
    return frame
  }

  /** Takes note of the end of a connection. @returns its replica, and why that had asked it to go */
  closed(member: number, number: number): { replica: string | undefined; told: string | undefined } {
    const connection = this.open.get(keyOf(member, number))
    this.end(keyOf(member, number))
    return { replica: connection?.replica, told: connection?.told }
  }

  /** Looks at all that are open for the last time. */
  endAll(): void {
    for (const key of [...this.open.keys()]) this.end(key)
  }

  private end(key: string): void {
    const connection = this.open.get(key)
    if (connection === undefined) return
    this.open.delete(key)
    for (const hole of connection.wire.end()) this.keep(key, connection, hole)
  }

  private keep(key: string, { replica = 'a replica' }: Connection, breach: WireBreach): void {
    if (breach.room !== everyoneRoom && this.breaches.length < mostBreaches)
      this.breaches.push({ connection: `${key} to ${replica}`, breach })
  }
}

function keyOf(member: number, number: number): string {
  return `connection ${number} of member ${member}`
}
