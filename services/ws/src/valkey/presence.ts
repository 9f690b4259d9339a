/** How many members a room has: each replica keeps its own numbers in a key that dies with it; the sum is over those that live. */
import type { Presence } from '../rooms.ts'
import type { Link } from './connection.ts'
import { keys } from './scripts.ts'

/** Rooms told to Valkey in one command. */
const mostAtOnce = 1000

export class ValkeyPresence implements Presence {
  private readonly link: Link
  private readonly key: string
  private readonly others: () => string[]
  private readonly here = new Map<string, number>()
  /** Rooms whose number Valkey does not know yet. */
  private untold = new Set<string>()
  private telling = false
  /** Something could not be told. */
  private incomplete = false

  /** @param others names of the other replicas' processes */
  constructor({ link, instance, others }: { link: Link; instance: string; others: () => string[] }) {
    this.link = link
    this.key = keys.presence(instance)
    this.others = others
  }

  set(room: string, here: number): void {
    if (here === 0) this.here.delete(room)
    else this.here.set(room, here)
    // Once Valkey is back, it is told all.
    if (!this.link.up) return
    this.untold.add(room)
    if (!this.telling) this.tellSoon()
  }

  async total(room: string): Promise<number> {
    const own = this.here.get(room) ?? 0
    const others = this.others()
    if (!this.link.up || others.length === 0) return own
    try {
      const counts = await Promise.all(others.map((other) => this.link.send<string | null>(['HGET', keys.presence(other), room])))
      return counts.reduce((sum, count) => sum + Number(count ?? 0), this.here.get(room) ?? 0)
    } catch {
      return this.here.get(room) ?? 0
    }
  }

  /** Makes sure that Valkey knows all. @param known whether it has something of this replica */
  check(known: boolean): void {
    if (this.incomplete || (!known && this.here.size > 0)) this.tellAll()
  }

  /** Valkey knows nothing of this replica, or what is not so any more: tells it all. */
  tellAll(): void {
    if (!this.link.up) return
    this.incomplete = false
    this.link.send(['DEL', this.key]).catch(() => {
      // What is not so any more may still be there: all of it once more, with the next look.
      this.incomplete = true
    })
    this.untold = new Set(this.here.keys())
    if (this.untold.size > 0 && !this.telling) this.tellSoon()
  }

  /** After this turn of the event loop, so that a thousand sockets that leave at once are one command. */
  private tellSoon(): void {
    this.telling = true
    setImmediate(() => void this.tell())
  }

  private async tell(): Promise<void> {
    try {
      while (this.untold.size > 0) {
        const rooms = [...this.untold].slice(0, mostAtOnce)
        for (const room of rooms) this.untold.delete(room)
        const gone = rooms.filter((room) => !this.here.has(room))
        const kept = rooms.flatMap((room) => (this.here.has(room) ? [room, String(this.here.get(room))] : []))
        await Promise.all([
          gone.length > 0 ? this.link.send(['HDEL', this.key, ...gone]) : undefined,
          kept.length > 0 ? this.link.send(['HSET', this.key, ...kept]) : undefined,
        ])
      }
    } catch {
      this.untold.clear()
      this.incomplete = true
    } finally {
      this.telling = false
    }
  }
}
