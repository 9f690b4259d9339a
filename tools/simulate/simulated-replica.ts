/**
 * A simulated replica: the real stores and the real hub in a simulated process that can be killed, paused and restarted.
 */
import type { KeyObject } from 'node:crypto'
import type { ReplicaState } from '@lab/contract/metrics.ts'
import type { Config } from '@lab/ws/config.ts'
import type { Hub } from '@lab/ws/hub.ts'
import { createInside } from '@lab/ws/inside.ts'
import type { Meter } from '@lab/ws/metrics.ts'
import type { Stores } from '@lab/ws/stores.ts'
import { noTracer } from '@lab/ws/telemetry/tracer.ts'
import { valkeyStores } from '@lab/ws/valkey/stores.ts'
import { ModelLink, type Store } from './store.ts'
import { Process, type Timeline } from './timeline.ts'
import type { Wire } from './wire.ts'

export interface ReplicaOptions {
  id: string
  config: Config
  timeline: Timeline
  store: Store
  /** The Unix time, in milliseconds, at which virtual time begins. */
  epochMs: number
  secret: KeyObject
  random: () => number
  newId: () => string
  /** Called with a text that describes each event. */
  note: ((text: string) => void) | undefined
}

/**
 * Interval at which the replica announces its state to the other replicas. To reduce the number of events, replicas announce their state
 * less often in a simulation than in production. Milliseconds.
 */
const announceMs = 2000
/** Ticks of the heartbeat wheel within this period are combined into one event. Milliseconds. */
const wheelMs = 1000
/** How long clients have to leave a draining replica, and how long it then takes to close the remaining connections. Milliseconds. */
const drainMs = { leave: 1200, close: 600 }

/** One run of a replica's process, from start to exit. */
export class Run {
  readonly replica: string
  readonly process = new Process()
  readonly wires = new Set<Wire>()
  readonly hub: Hub
  readonly links: ModelLink[] = []
  state: ReplicaState = 'starting'
  private readonly stores: Stores
  private readonly timeline: Timeline

  constructor({ id, config, timeline, store, epochMs, secret, random, newId, note }: ReplicaOptions, host: SimulatedReplica) {
    this.replica = id
    this.timeline = timeline
    const timers = timeline.timersOf(this.process)
    const clock = { now: () => Math.floor(epochMs + timeline.nowMs + host.clockAheadMs), steady: () => timeline.nowMs }
    const log = {
      info: (_: object, text: string) => note?.(`${id}: ${text}`),
      error: (_: object, text: string) => note?.(`${id}: ${text}`),
    }
    this.stores = valkeyStores(
      config,
      { id, clock, log },
      {
        timers,
        connect: (options) => {
          const link = new ModelLink(options, { store, process: this.process, random, parted: () => host.parted })
          this.links.push(link)
          return link
        },
        instance: newId(),
      },
    )
    const given = { config, replica: id, version: 'simulated', clock, meter: noMeter, log, tracer: noTracer, newId, secret }
    this.hub = createInside({ ...given, stores: this.stores }).hub
    void this.stores.roomLog.start(this.hub.roomEvents).then(() => {
      if (this.state === 'starting') this.state = 'ready'
      note?.(`${id} is ready${this.hasRead ? '' : ', but has not read the log'}`)
      const turns = Math.max(1, Math.round(wheelMs / this.hub.tickMs))
      timers.every(turns * this.hub.tickMs, () => {
        for (let n = 0; n < turns; n++) this.hub.tick()
      })
      timers.every(announceMs, () => this.stores.replicas.announce({ id, state: this.state, connections: this.hub.size }))
    })
  }

  /** Whether the replica accepts a socket, which may arrive before the router has detected that the replica is not ready. */
  get accepts(): boolean {
    return !this.process.ended && this.state !== 'closed'
  }

  /** Whether the replica has read to the end of the room log at least once. */
  get hasRead(): boolean {
    return this.links.some(({ hasRead }) => hasRead)
  }

  kill(): void {
    for (const link of this.links) link.died()
    this.process.ended = true
    this.state = 'closed'
    for (const wire of [...this.wires]) wire.replicaDied()
  }

  /**
   * Drains the replica: asks clients to reconnect, closes the remaining connections, and stores sessions.
   * @param done called when the replica's process has exited
   */
  drain(random: () => number, done: () => void): void {
    this.state = 'draining'
    const { hub } = this
    hub.sayGoodbye({ count: hub.size, windowMs: drainMs.leave, reason: 'draining', random })
    const after = (ms: number, then: () => void) => this.timeline.after(ms, then, this.process)
    after(drainMs.leave, () => {
      this.state = 'closed'
      hub.closeAll('draining')
      after(drainMs.close, () => {
        hub.terminateAll()
        void this.stores.stop().then(() => {
          if (this.process.ended) return
          this.kill()
          done()
        })
      })
    })
  }
}

/** A simulated replica, across all restarts of its process. */
export class SimulatedReplica {
  run: Run | undefined
  /** How far the replica's wall clock is ahead of virtual time. Milliseconds. */
  clockAheadMs = 0
  /** Number of active faults that cut the network between the replica and the store. */
  private partitions = 0
  private readonly options: ReplicaOptions

  constructor(options: ReplicaOptions) {
    this.options = options
  }

  get id(): string {
    return this.options.id
  }

  get parted(): boolean {
    return this.partitions > 0
  }

  start(): void {
    if (this.run === undefined || this.run.process.ended) this.run = new Run(this.options, this)
  }

  part(parted: boolean): void {
    this.partitions = Math.max(0, this.partitions + (parted ? 1 : -1))
    if (parted ? this.partitions === 1 : this.partitions === 0) for (const link of this.run?.links ?? []) link.hold(parted)
  }
}

/** Discards all metrics. */
const noMeter: Meter = {
  opened: () => {},
  closed: () => {},
  refused: () => {},
  received: () => {},
  sent: () => {},
  error: () => {},
  latency: () => {},
  handling: () => {},
  pubsubLag: () => {},
  goodbye: () => {},
  roomMessage: () => {},
  storeRoundTrip: () => {},
  resume: () => {},
  http: () => {},
}
