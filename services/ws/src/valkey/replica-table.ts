/** Who else there is: each replica says once a second how it is, and hears in the same breath how the others are. */
import type { ReplicaState } from '@lab/contract/metrics.ts'
import type { Clock } from '../ports.ts'
import type { ReplicaLoad, ReplicaTable } from '../stores.ts'
import type { Link } from './connection.ts'
import { announce, keys } from './scripts.ts'

/** A replica that has said nothing for this long does not count. Milliseconds. */
const silentMs = 5000
/** What one says is kept no longer than this. Milliseconds. */
const forgottenMs = 60_000
/** How long the members of a replica's rooms count when it does not come back. Milliseconds. */
const presenceMs = 15_000

interface Peer extends ReplicaLoad {
  /** Name of its process. */
  instance: string
  /** Valkey's time of what it said last. */
  saidAt: number
  /** When that was heard here, by the steady clock. */
  heardAtMs: number
}

export class ValkeyReplicaTable implements ReplicaTable {
  private readonly clock: Clock
  private readonly link: Link
  private readonly instance: string
  private readonly onPresence: (known: boolean) => void
  private self: ReplicaLoad | undefined
  private peers = new Map<string, Peer>()
  private asking = false

  /** @param onPresence hears each time whether the store has something of who is in which room here */
  constructor({ clock, link, instance, onPresence }: { clock: Clock; link: Link; instance: string; onPresence: (known: boolean) => void }) {
    this.clock = clock
    this.link = link
    this.instance = instance
    this.onPresence = onPresence
  }

  announce(self: ReplicaLoad): void {
    this.self = self
    // One at a time: the next one says it anew.
    if (this.link.up && !this.asking) void this.exchange(self)
  }

  all(): ReplicaLoad[] {
    const others = this.live().map(({ id, state, connections }) => ({ id, state, connections }))
    return this.self === undefined ? others : [this.self, ...others]
  }

  /** Names of the processes of the other replicas. */
  instances(): string[] {
    return this.live().map(({ instance }) => instance)
  }

  /** Takes this replica out. */
  async leave(): Promise<void> {
    if (this.self === undefined) return
    await Promise.all([this.link.send(['HDEL', keys.replicas, this.self.id]), this.link.send(['DEL', keys.presence(this.instance)])])
  }

  private live(): Peer[] {
    const nowMs = this.clock.steady()
    return [...this.peers.values()].filter(({ heardAtMs }) => nowMs - heardAtMs <= silentMs)
  }

  private async exchange(self: ReplicaLoad): Promise<void> {
    this.asking = true
    try {
      const says = `${self.state} ${self.connections} ${this.instance}`
      const args = [self.id, says, String(forgottenMs), String(presenceMs)]
      const [now, present, all] = await this.link.run<[string, number, string[]]>(
        announce,
        [keys.replicas, keys.presence(this.instance)],
        args,
      )
      this.peers = this.heard(self.id, Number(now), all)
      this.onPresence(present === 1)
    } catch {
      // The next second brings the next attempt; that Valkey is away is said where the connection is watched.
    } finally {
      this.asking = false
    }
  }

  private heard(selfId: string, now: number, all: string[]): Map<string, Peer> {
    const peers = new Map<string, Peer>()
    const nowMs = this.clock.steady()
    for (let i = 0; i + 1 < all.length; i += 2) {
      const id = all[i] ?? ''
      const [at, state, connections, instance = ''] = (all[i + 1] ?? '').split(' ')
      const saidAt = Number(at)
      const before = this.peers.get(id)
      // What moved since is fresh. Of one that was never heard of, Valkey's own time tells how old it is.
      const heardAtMs = before?.saidAt === saidAt ? before.heardAtMs : before === undefined ? nowMs - (now - saidAt) : nowMs
      if (id !== selfId) peers.set(id, { id, state: state as ReplicaState, connections: Number(connections), instance, saidAt, heardAtMs })
    }
    return peers
  }
}
