/** Faults on purpose, each with its own end: who asked for it may be gone by then. */
import { proxyLatencyMs } from '../../chaos/inside/proxy.ts'
import { busyCode, endCode, memoryCode } from '../../chaos/inside/replica.ts'
import type { Network } from './network.ts'
import type { Replicas } from './replicas.ts'

/** What can be done to a replica that is a process, and to the network before it. */
const replicaFaults = ['kill', 'pause', 'drain', 'memory', 'busy', 'partition'] as const
/** What can be done to the lab as a whole. */
const labFaults = ['slow-network', 'scrape-gap'] as const
export const chaosFaults = [...replicaFaults, ...labFaults] as const
export type ChaosFault = (typeof chaosFaults)[number]

/** Whether a fault hits one replica. */
export function hitsReplica(fault: ChaosFault): boolean {
  return !(labFaults as readonly string[]).includes(fault)
}

/** Faults that may last at once. */
const maxAtOnce = 20

interface Lasting {
  timer: NodeJS.Timeout
  undo: () => Promise<void>
}

export class Chaos {
  private readonly lasting = new Map<string, Lasting>()
  private readonly replicas: Replicas
  private readonly network: Network
  private readonly note: (text: string) => void
  private blind = false

  constructor(replicas: Replicas, network: Network, note: (text: string) => void) {
    this.replicas = replicas
    this.network = network
    this.note = note
  }

  /** Whether the scaler can read no metric now. */
  get isBlind(): boolean {
    return this.blind
  }

  /**
   * Begins a fault, which ends after so many seconds. Resolves when it has begun; rejects when it lasts already.
   * @param id the replica; ignored where a fault hits the lab as a whole
   */
  async begin(fault: ChaosFault, id: string, seconds: number): Promise<void> {
    const key = keyOf(fault, id)
    if (this.lasting.has(key)) throw new Error(`${key} lasts already`)
    if (this.lasting.size >= maxAtOnce) throw new Error(`at most ${maxAtOnce} faults last at once`)
    const before = this.count()
    this.note(`chaos: ${key} for ${seconds} s`)
    const timer = setTimeout(
      () => void this.undo(fault, id).catch((error: unknown) => this.note(`chaos: ${String(error)}`)),
      seconds * 1000,
    )
    this.lasting.set(key, { timer, undo: () => this.takeBack(fault, id, before) })
    await this.act(fault, id, seconds)
  }

  /** Ends a fault; nothing happens when it is over. */
  async undo(fault: ChaosFault, id: string): Promise<void> {
    const found = this.lasting.get(keyOf(fault, id))
    if (found === undefined) return
    this.lasting.delete(keyOf(fault, id))
    clearTimeout(found.timer)
    await found.undo()
    this.note(`chaos: ${keyOf(fault, id)} is over`)
  }

  /** Lets every replica hear again, so that it can leave; the rest ends with the lab. */
  end(): void {
    for (const { timer } of this.lasting.values()) clearTimeout(timer)
    this.lasting.clear()
    this.network.heal()
    for (const { id } of this.replicas.list()) this.replicas.freeze(id, false)
  }

  private async act(fault: ChaosFault, id: string, seconds: number): Promise<void> {
    switch (fault) {
      case 'kill':
        return this.replicas.kill([id])
      case 'drain':
        return this.replicas.drain([id])
      case 'pause':
        return this.replicas.freeze(id, true)
      case 'memory':
        return this.replicas.evaluate(id, memoryCode(seconds, 'embedded'))
      case 'busy':
        return this.replicas.evaluate(id, busyCode(seconds))
      case 'partition':
        return this.network.setCut(id, true)
      case 'slow-network':
        return this.network.slow(proxyLatencyMs)
      case 'scrape-gap':
        this.blind = true
    }
  }

  private async takeBack(fault: ChaosFault, id: string, before: number): Promise<void> {
    switch (fault) {
      case 'pause':
        return this.replicas.freeze(id, false)
      case 'memory':
      case 'busy':
        return this.replicas.evaluate(id, endCode(fault))
      case 'partition':
        return this.network.setCut(id, false)
      case 'slow-network':
        return this.network.slow(0)
      case 'scrape-gap':
        this.blind = false
        return
      case 'kill':
      case 'drain': {
        // The scaler may have been quicker.
        const missing = before - this.count()
        if (missing > 0) await this.replicas.add(missing)
      }
    }
  }

  /** Replicas that serve or are about to. */
  private count(): number {
    return this.replicas.list().filter(({ leaving }) => !leaving).length + this.replicas.starting().length
  }
}

function keyOf(fault: ChaosFault, id: string): string {
  return hitsReplica(fault) ? `${fault} on ${id}` : fault
}
