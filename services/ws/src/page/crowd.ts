/** More sockets in this tab, and at which replicas they are. */
import type { Client, ClientEvent } from '../../../../client/src/client.ts'

/** Most sockets that a crowd has. A browser allows some 250 to one host. */
export const crowdSize = 50
/** The next one is dialled when the last is there, or after this long. Milliseconds. */
const nextAfterMs = 2_000

export interface CrowdPlace {
  /** undefined: those that are not connected now. */
  replica: string | undefined
  sockets: number
}

export class Crowd {
  private readonly clients: Client[] = []
  private readonly connect: (onEvent: (event: ClientEvent) => void) => Client
  private readonly forgetReplica: () => Promise<void>
  private readonly changed: () => void
  /** Counts up when a filling is to end. */
  private turn = 0
  private busy = false

  /**
   * @param forgetReplica takes the sticky cookie back: whoever brings it comes to the same replica
   * @param changed called when a socket comes, goes or moves
   */
  constructor(connect: Crowd['connect'], forgetReplica: () => Promise<void>, changed: () => void) {
    this.connect = connect
    this.forgetReplica = forgetReplica
    this.changed = changed
  }

  get size(): number {
    return this.clients.length
  }

  /** Whether some are still to be opened. */
  get filling(): boolean {
    return this.busy
  }

  get open(): number {
    return this.clients.filter(isOpen).length
  }

  /** Where they are, by the name of the replica; those without a connection last. */
  places(): CrowdPlace[] {
    const counts = new Map<string, number>()
    for (const { state } of this.clients.filter(isOpen)) counts.set(state.replica ?? '', (counts.get(state.replica ?? '') ?? 0) + 1)
    const places: CrowdPlace[] = [...counts].map(([replica, sockets]) => ({ replica, sockets }))
    places.sort((a, b) => String(a.replica).localeCompare(String(b.replica), 'en', { numeric: true }))
    const waiting = this.size - this.open
    return waiting === 0 ? places : [...places, { replica: undefined, sockets: waiting }]
  }

  /** Opens them one after the other, each as a new visitor would, until there are as many as there may be. */
  async fill(): Promise<void> {
    if (this.busy) return
    this.busy = true
    const turn = ++this.turn
    try {
      while (turn === this.turn && this.size < crowdSize) {
        // Without it the next one comes to the same replica, which the page shows.
        await this.forgetReplica().catch(() => undefined)
        if (turn === this.turn) await this.add()
      }
    } finally {
      this.busy = false
      this.changed()
    }
  }

  /** Closes all of them, and ends a filling. */
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
