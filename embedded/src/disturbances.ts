/**
 * Starts and ends deliberate disturbances of the lab, such as a frozen replica. A timer ends each disturbance, because the client that
 * started it may have disconnected.
 */
import { type Disturbance, hitsReplica } from '@lab/contract/embedded-api.ts'
import { proxyLatencyMs } from '@lab/host/inside/proxy.ts'
import { busyCode, endCode, memoryCode } from '@lab/host/inside/replica.ts'
import type { Network } from './network.ts'
import type { Replicas } from './replicas.ts'

/** Maximum number of disturbances that are active at the same time. */
const maxAtOnce = 20

interface Lasting {
  timer: NodeJS.Timeout
  end: () => void | Promise<void>
}

export class Disturbances {
  private readonly lasting = new Map<string, Lasting>()
  private readonly replicas: Replicas
  private readonly network: Network
  private readonly note: (text: string) => void
  private withoutMetrics = false

  constructor(replicas: Replicas, network: Network, note: (text: string) => void) {
    this.replicas = replicas
    this.network = network
    this.note = note
  }

  /** Whether the lab is withholding metrics from the scaler. */
  get isBlind(): boolean {
    return this.withoutMetrics
  }

  /**
   * Starts a disturbance and schedules its end. Resolves once the disturbance has started. Rejects, and leaves the lab unchanged, if the
   * disturbance is already active or cannot be applied.
   * @param id the affected replica; ignored if the disturbance affects the whole lab
   * @param seconds duration of the disturbance
   */
  async begin(kind: Disturbance, id: string, seconds: number): Promise<void> {
    const key = keyOf(kind, id)
    if (this.lasting.has(key)) throw new Error(`${key} is already active`)
    if (this.lasting.size >= maxAtOnce) throw new Error(`at most ${maxAtOnce} disturbances are active at once`)
    const { begin, end } = this.mechanism(kind, id, seconds)
    this.note(`${key} for ${seconds} s`)
    const timer = setTimeout(() => void this.end(kind, id).catch((error: unknown) => this.note(String(error))), seconds * 1000)
    this.lasting.set(key, { timer, end })
    try {
      await begin()
    } catch (error) {
      await this.end(kind, id)
      throw error
    }
  }

  /** Ends a disturbance; does nothing if the disturbance is already over. */
  async end(kind: Disturbance, id: string): Promise<void> {
    const key = keyOf(kind, id)
    const found = this.lasting.get(key)
    if (found === undefined) return
    this.lasting.delete(key)
    clearTimeout(found.timer)
    await found.end()
    this.note(`${key}: over`)
  }

  /**
   * Restores the network and resumes frozen replicas, so that all replicas can drain. Other kinds of disturbances end when the replica
   * processes exit.
   */
  endAll(): void {
    for (const { timer } of this.lasting.values()) clearTimeout(timer)
    this.lasting.clear()
    this.network.heal()
    for (const { id } of this.replicas.list()) this.replicas.freeze(id, false)
  }

  private mechanism(kind: Disturbance, id: string, seconds: number): { begin: Lasting['end']; end: Lasting['end'] } {
    const { replicas, network } = this
    switch (kind) {
      case 'frozen':
        return { begin: () => replicas.freeze(id, true), end: () => replicas.freeze(id, false) }
      case 'memory':
        return {
          begin: () => replicas.evaluate(id, memoryCode(seconds, 'embedded')),
          end: () => replicas.evaluate(id, endCode('memory')),
        }
      case 'busy':
        return { begin: () => replicas.evaluate(id, busyCode(seconds)), end: () => replicas.evaluate(id, endCode('busy')) }
      case 'cut-off':
        return { begin: () => network.setCut(id, true), end: () => network.setCut(id, false) }
      case 'slow-answers':
        return { begin: () => network.slow(proxyLatencyMs), end: () => network.slow(0) }
      case 'no-metrics':
        return { begin: () => this.blind(true), end: () => this.blind(false) }
    }
  }

  private blind(blind: boolean): void {
    this.withoutMetrics = blind
  }
}

function keyOf(kind: Disturbance, id: string): string {
  return hitsReplica(kind) ? `${id}: ${kind}` : kind
}
