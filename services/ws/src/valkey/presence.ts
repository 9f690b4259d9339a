/**
 * Counts room members: each replica stores its own counts in Valkey under a key that expires, and adds up the counts of all live replicas.
 */
import type { Timers } from '../ports.ts'
import type { Presence } from '../rooms.ts'
import type { ValkeyConnection } from './connection.ts'
import { keys } from './scripts.ts'

/** The maximum number of rooms in one Valkey command. */
const mostAtOnce = 1000

export class ValkeyPresence implements Presence {
  private readonly valkey: ValkeyConnection
  private readonly timers: Timers
  private readonly key: string
  private readonly others: () => string[]
  private readonly here = new Map<string, number>()
  /** The rooms whose changed member count has not been sent to Valkey yet. */
  private unsent = new Set<string>()
  private sending = false
  /** Whether a change in the member counts could not be sent to Valkey. */
  private incomplete = false

  /** @param others a function that returns the names of the other replicas' processes */
  constructor({
    valkey,
    timers,
    instance,
    others,
  }: { valkey: ValkeyConnection; timers: Timers; instance: string; others: () => string[] }) {
    this.valkey = valkey
    this.timers = timers
    this.key = keys.presence(instance)
    this.others = others
  }

  set(room: string, here: number): void {
    if (here === 0) this.here.delete(room)
    else this.here.set(room, here)
    // The replica sends all member counts again once it has reconnected to Valkey.
    if (!this.valkey.up) return
    this.unsent.add(room)
    if (!this.sending) this.sendSoon()
  }

  async total(room: string): Promise<number> {
    const own = this.here.get(room) ?? 0
    const others = this.others()
    if (!this.valkey.up || others.length === 0) return own
    try {
      const counts = await Promise.all(others.map((other) => this.valkey.send<string | null>(['HGET', keys.presence(other), room])))
      return counts.reduce((sum, count) => sum + Number(count ?? 0), this.here.get(room) ?? 0)
    } catch {
      return this.here.get(room) ?? 0
    }
  }

  /** Sends all member counts again if Valkey may lack some of them. @param known whether Valkey contains this replica's key */
  check(known: boolean): void {
    if (this.incomplete || (!known && this.here.size > 0)) this.sendAll()
  }

  /** Replaces all of this replica's member counts in Valkey. */
  sendAll(): void {
    if (!this.valkey.up) return
    this.incomplete = false
    this.valkey.send(['DEL', this.key]).catch(() => {
      // If Valkey cannot delete the key, outdated member counts may remain there, so all counts are sent again later.
      this.incomplete = true
    })
    this.unsent = new Set(this.here.keys())
    if (this.unsent.size > 0 && !this.sending) this.sendSoon()
  }

  /**
   * Sends the counts after the current turn of the event loop, so that the changes caused by a thousand closing sockets are sent in one
   * command.
   */
  private sendSoon(): void {
    this.sending = true
    this.timers.soon(() => void this.sendChanges())
  }

  private async sendChanges(): Promise<void> {
    try {
      while (this.unsent.size > 0) {
        const rooms = [...this.unsent].slice(0, mostAtOnce)
        for (const room of rooms) this.unsent.delete(room)
        const gone = rooms.filter((room) => !this.here.has(room))
        const present = rooms.flatMap((room) => (this.here.has(room) ? [room, String(this.here.get(room))] : []))
        await Promise.all([
          gone.length > 0 ? this.valkey.send(['HDEL', this.key, ...gone]) : undefined,
          present.length > 0 ? this.valkey.send(['HSET', this.key, ...present]) : undefined,
        ])
      }
    } catch {
      this.unsent.clear()
      this.incomplete = true
    } finally {
      this.sending = false
    }
  }
}
