/** Records the frames received on each of the members' connections, and the state in which each connection ended. */
import type { ServerMessageType } from '../contract/src/messages.ts'
import { everyoneRoom } from '../contract/src/messages.ts'
import { Wire, type WireBreach } from './wire.ts'

/** The fields of a frame that are recorded. */
export interface SeenFrame {
  type: ServerMessageType
  replica?: string
  room?: string
  seq?: number
  reason?: string
}

interface Connection {
  wire: Wire
  replica?: string
  /** The replica's reason for asking the client to reconnect. */
  goodbye?: string
}

/** Maximum number of recorded violations. */
const mostBreaches = 1000

export class Connections {
  readonly breaches: { connection: string; breach: WireBreach }[] = []
  /** Open connections, by member and connection number. */
  private readonly open = new Map<string, Connection>()

  opened(member: number, number: number): void {
    this.open.set(keyOf(member, number), { wire: new Wire() })
  }

  /** Records a received frame. @returns the content of the frame, or undefined if the connection is unknown */
  see(member: number, number: number, text: string): SeenFrame | undefined {
    const connection = this.open.get(keyOf(member, number))
    if (connection === undefined) return undefined
    const frame = JSON.parse(text) as SeenFrame
    if (frame.type === 'connection_established' && frame.replica !== undefined) connection.replica = frame.replica
    if (frame.type === 'goodbye' && frame.reason !== undefined) connection.goodbye = frame.reason
    const breach = connection.wire.see(frame)
    if (breach !== undefined) this.keep(keyOf(member, number), connection, breach)
    return frame
  }

  /**
   * Records that a connection has ended.
   * @returns the connection's replica, and that replica's reason if it asked the client to reconnect
   */
  closed(member: number, number: number): { replica: string | undefined; goodbye: string | undefined } {
    const connection = this.open.get(keyOf(member, number))
    this.end(keyOf(member, number))
    return { replica: connection?.replica, goodbye: connection?.goodbye }
  }

  /** Records that all open connections have ended. */
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
