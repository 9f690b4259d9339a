/** Faults on purpose, each with its own end: who asked for it may be gone by then. */
import { busyCode, endCode, memoryCode } from '../../chaos/inside/replica.ts'
import type { Replicas } from './replicas.ts'

/** What can be done to a replica that is a process. */
export const chaosFaults = ['kill', 'pause', 'drain', 'memory', 'busy'] as const
export type ChaosFault = (typeof chaosFaults)[number]

/** Faults that may last at once. */
const maxAtOnce = 20

interface Lasting {
  timer: NodeJS.Timeout
  undo: () => Promise<void>
}

export class Chaos {
  private readonly lasting = new Map<string, Lasting>()
  private readonly replicas: Replicas
  private readonly note: (text: string) => void

  constructor(replicas: Replicas, note: (text: string) => void) {
    this.replicas = replicas
    this.note = note
  }

  /** Begins a fault, which ends after so many seconds. Resolves when it has begun; rejects when it lasts already. */
  async begin(fault: ChaosFault, id: string, seconds: number): Promise<void> {
    const key = keyOf(fault, id)
    if (this.lasting.has(key)) throw new Error(`${fault} lasts already on ${id}`)
    if (this.lasting.size >= maxAtOnce) throw new Error(`at most ${maxAtOnce} faults last at once`)
    const before = this.count()
    this.note(`chaos: ${fault} on ${id} for ${seconds} s`)
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
    this.note(`chaos: ${fault} on ${id} is over`)
  }

  /** Lets every replica hear again, so that it can leave; the rest ends with the lab. */
  end(): void {
    for (const { timer } of this.lasting.values()) clearTimeout(timer)
    this.lasting.clear()
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
    }
  }

  private async takeBack(fault: ChaosFault, id: string, before: number): Promise<void> {
    if (fault === 'pause') this.replicas.freeze(id, false)
    else if (fault === 'memory' || fault === 'busy') await this.replicas.evaluate(id, endCode(fault))
    else {
      // The scaler may have been quicker.
      const missing = before - this.count()
      if (missing > 0) await this.replicas.add(missing)
    }
  }

  /** Replicas that serve or are about to. */
  private count(): number {
    return this.replicas.list().filter(({ leaving }) => !leaving).length + this.replicas.starting().length
  }
}

function keyOf(fault: ChaosFault, id: string): string {
  return `${fault} ${id}`
}
