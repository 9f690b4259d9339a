/** Manages the page's additional connections, and counts how many of them each replica has. */
import type { Client, ClientEvent } from '../../../../client/src/client.ts'

/** Maximum number of additional connections that the page opens. Browsers allow about 250 connections per host. */
export const maxClients = 50
/** Maximum time to wait for a connection before opening the next one. Milliseconds. */
const nextAfterMs = 2_000

export interface ReplicaShare {
  /** The name of the replica; undefined for clients without a connection. */
  replica: string | undefined
  sockets: number
}

export class PageClients {
  private readonly clients: Client[] = []
  private readonly connect: (onEvent: (event: ClientEvent) => void) => Client
  private readonly forgetReplica: () => Promise<void>
  private readonly changed: () => void
  /** Incrementing this counter stops any call to `fill` that is still running. */
  private turn = 0
  private busy = false

  /**
   * @param forgetReplica deletes the sticky cookie, which would otherwise route the next connection to the same replica
   * @param changed called when a connection opens, closes or moves to another replica
   */
  constructor(connect: PageClients['connect'], forgetReplica: () => Promise<void>, changed: () => void) {
    this.connect = connect
    this.forgetReplica = forgetReplica
    this.changed = changed
  }

  get size(): number {
    return this.clients.length
  }

  /** Whether the page is still opening additional connections. */
  get filling(): boolean {
    return this.busy
  }

  get open(): number {
    return this.clients.filter(isOpen).length
  }

  /** Returns the number of clients per replica, sorted by replica name; the last entry counts the clients without a connection. */
  places(): ReplicaShare[] {
    const counts = new Map<string, number>()
    for (const { state } of this.clients.filter(isOpen)) counts.set(state.replica ?? '', (counts.get(state.replica ?? '') ?? 0) + 1)
    const places: ReplicaShare[] = [...counts].map(([replica, sockets]) => ({ replica, sockets }))
    places.sort((a, b) => String(a.replica).localeCompare(String(b.replica), 'en', { numeric: true }))
    const waiting = this.size - this.open
    return waiting === 0 ? places : [...places, { replica: undefined, sockets: waiting }]
  }

  /** Opens connections one by one, each without the sticky cookie, until the maximum is reached. */
  async fill(): Promise<void> {
    if (this.busy) return
    this.busy = true
    const turn = ++this.turn
    try {
      while (turn === this.turn && this.size < maxClients) {
        // If the request that deletes the cookie fails, the next connection goes to the same replica, and the page shows this.
        await this.forgetReplica().catch(() => undefined)
        if (turn === this.turn) await this.add()
      }
    } finally {
      this.busy = false
      this.changed()
    }
  }

  /** Closes all additional connections, and stops any call to `fill` that is still running. */
  close(): void {
    this.turn++
    for (const client of this.clients.splice(0)) client.close()
    this.changed()
  }

  private add(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, nextAfterMs)
      const client = this.connect((event) => {
        if (event.type === 'state') queueMicrotask(this.changed)
        if (event.type !== 'attached' && event.type !== 'closed') return
        clearTimeout(timer)
        resolve()
      })
      this.clients.push(client)
      this.changed()
    })
  }
}

function isOpen({ state }: Client): boolean {
  return state.word === 'open' || state.word === 'leaving'
}
