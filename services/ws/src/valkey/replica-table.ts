/**
 * Maintains the table of replicas in Valkey: each replica stores its load once per second, using a script that also returns the loads of
 * the other replicas.
 */
import { rolloutKey } from '@lab/contract/endpoints.ts'
import type { ReplicaState } from '@lab/contract/metrics.ts'
import type { Clock } from '../ports.ts'
import type { ReplicaLoad, ReplicaTable } from '../stores.ts'
import type { ValkeyConnection } from './connection.ts'
import { announce, keys } from './scripts.ts'

/** A replica is no longer considered live if it has written no new table entry for this long. Milliseconds. */
const silentMs = 5000
/** Age at which table entries are deleted from Valkey. Milliseconds. */
const forgottenMs = 60_000
/** How long a failed replica's member counts are still included in the totals. Milliseconds. */
const presenceMs = 15_000

interface Peer extends ReplicaLoad {
  /** The name of the replica's process. */
  instance: string
  /** The time at which the replica wrote the table entry, according to Valkey's clock. */
  announcedAt: number
  /** The time at which this replica received the table entry, on the monotonic clock. */
  receivedAtMs: number
}

export class ValkeyReplicaTable implements ReplicaTable {
  private readonly clock: Clock
  private readonly valkey: ValkeyConnection
  private readonly instance: string
  private readonly onPresence: (known: boolean) => void
  private self: ReplicaLoad | undefined
  private peers = new Map<string, Peer>()
  private rollingOut = false
  private asking = false

  /** @param onPresence called after each exchange with Valkey; its argument states whether Valkey has this replica's member counts */
  constructor({
    clock,
    valkey,
    instance,
    onPresence,
  }: {
    clock: Clock
    valkey: ValkeyConnection
    instance: string
    onPresence: (known: boolean) => void
  }) {
    this.clock = clock
    this.valkey = valkey
    this.instance = instance
    this.onPresence = onPresence
  }

  announce(self: ReplicaLoad): void {
    this.self = self
    // Only one exchange with Valkey runs at a time; if one is in progress, the new load is sent with the next one.
    if (this.valkey.up && !this.asking) void this.exchange(self)
  }

  all(): ReplicaLoad[] {
    const others = this.live().map(({ instance: _process, announcedAt: _at, receivedAtMs: _received, ...load }) => load)
    return this.self === undefined ? others : [this.self, ...others]
  }

  isRollingOut(): boolean {
    return this.rollingOut
  }

  /** Returns the names of the other replicas' processes. */
  instances(): string[] {
    return this.live().map(({ instance }) => instance)
  }

  /** Removes this replica from the table of replicas. */
  async leave(): Promise<void> {
    if (this.self === undefined) return
    await Promise.all([this.valkey.send(['HDEL', keys.replicas, this.self.id]), this.valkey.send(['DEL', keys.presence(this.instance)])])
  }

  private live(): Peer[] {
    const nowMs = this.clock.steady()
    return [...this.peers.values()].filter(({ receivedAtMs }) => nowMs - receivedAtMs <= silentMs)
  }

  private async exchange(self: ReplicaLoad): Promise<void> {
    this.asking = true
    try {
      const says = [self.state, self.connections, this.instance, self.colour].join(' ').trimEnd()
      const args = [self.id, says, String(forgottenMs), String(presenceMs)]
      const [now, present, all, rollout] = await this.valkey.run<[string, number, string[], number]>(
        announce,
        [keys.replicas, keys.presence(this.instance), rolloutKey],
        args,
      )
      this.peers = this.parsed(self.id, Number(now), all)
      this.rollingOut = rollout === 1
      this.onPresence(present === 1)
    } catch {
      // The next exchange with Valkey follows within a second.
      // The connection's owner reports that Valkey is unavailable, so the error is not reported here.
    } finally {
      this.asking = false
    }
  }

  private parsed(selfId: string, now: number, all: string[]): Map<string, Peer> {
    const peers = new Map<string, Peer>()
    const nowMs = this.clock.steady()
    for (let i = 0; i + 1 < all.length; i += 2) {
      const id = all[i] ?? ''
      const [at, state, connections, instance = '', colour] = (all[i + 1] ?? '').split(' ')
      const announcedAt = Number(at)
      const before = this.peers.get(id)
      // A table entry whose timestamp has changed counts as newly received. When an entry is read for the first time, Valkey's clock
      // determines its age.
      const receivedAtMs =
        before?.announcedAt === announcedAt ? before.receivedAtMs : before === undefined ? nowMs - (now - announcedAt) : nowMs
      const load = { id, state: state as ReplicaState, connections: Number(connections), ...(colour !== undefined && { colour }) }
      if (id !== selfId) peers.set(id, { ...load, instance, announcedAt, receivedAtMs })
    }
    return peers
  }
}
