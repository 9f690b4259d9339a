/** Counts the events of a storm's clients in each second after the replica was killed. Pure. */
import type { ClientEvent } from '@lab/client/types.ts'

/** A naive client reconnects at once and repeatedly; a jittered client waits for a random time before each attempt. */
export const stormClients = ['naive', 'jittered'] as const
export type StormClients = (typeof stormClients)[number]

export interface Storm {
  clients: StormClients
  /** Total number of clients, some of which had moved to other replicas before the kill. */
  sockets: number
  /** The killed replica, to which all clients had connected. */
  victim: string
  /** Number of sockets that were lost when the replica was killed. */
  lost: number
  /** Number of disconnected clients that had a session on another replica before the end of the observation. */
  back: number
  /** Time from the kill until the client had a session on another replica. */
  backMs: { p50: number; p99: number; max: number }
  /** Number of connection attempts that failed. */
  refused: number
  /** Event counters for each second after the kill. */
  dialsPerSecond: number[]
  connectsPerSecond: number[]
}

/** How long a storm is observed. Seconds. */
export const stormSeconds = 40

/** Counts the events of one replica's clients after that replica was killed. All times are in Unix milliseconds. */
export class StormCount {
  private readonly victim: string
  private readonly away = new Set<number>()
  private diedAtMs: number | undefined
  private lost = 0
  private refused = 0
  private readonly backAfterMs: number[] = []
  private readonly dials: number[] = []
  private readonly connects: number[] = []

  /** @param victim the name of the replica to be killed */
  constructor(victim: string) {
    this.victim = victim
  }

  /** Number of disconnected clients that have not reconnected. */
  get missing(): number {
    return this.away.size
  }

  /** Whether any client was disconnected. */
  get hasBegun(): boolean {
    return this.lost > 0
  }

  /** @param client a number that identifies the client */
  take(client: number, event: ClientEvent, atMs: number): void {
    if (event.type === 'closed' && event.opened && event.why === 'remote' && event.replica === this.victim && !this.away.has(client)) {
      this.diedAtMs ??= atMs
      this.away.add(client)
      this.lost++
      return
    }
    if (this.diedAtMs === undefined || !this.away.has(client)) return
    const afterMs = atMs - this.diedAtMs
    switch (event.type) {
      case 'dialling':
        add(this.dials, afterMs)
        return
      case 'opened':
        add(this.connects, afterMs)
        return
      case 'closed':
        if (!event.opened) this.refused++
        return
      case 'attached':
        this.away.delete(client)
        this.backAfterMs.push(afterMs)
    }
  }

  /** @param sockets the number of clients in the storm */
  result(clients: StormClients, sockets: number): Storm {
    const sorted = this.backAfterMs.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
    const bySecond = (counts: readonly number[]) => Array.from({ length: stormSeconds }, (_, second) => counts[second] ?? 0)
    return {
      clients,
      sockets,
      victim: this.victim,
      lost: this.lost,
      back: sorted.length,
      backMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
      refused: this.refused,
      dialsPerSecond: bySecond(this.dials),
      connectsPerSecond: bySecond(this.connects),
    }
  }
}

function add(counts: number[], afterMs: number): void {
  const second = Math.floor(afterMs / 1000)
  if (second < stormSeconds) counts[second] = (counts[second] ?? 0) + 1
}
