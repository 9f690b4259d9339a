/** An in-memory replica target for tests; it numbers replicas as Compose does. */
import type { ListedReplica, ReplicaTarget } from '../ports.ts'

export interface FakeTarget extends ReplicaTarget {
  /** Replaces the replicas, as another Docker client would. */
  set(names: readonly string[]): void
  /** Adds replicas that were created but not started, as if an interrupted action had left them behind. */
  leaveCreated(names: readonly string[]): void
  /** The replica counts that were passed to scaleTo(), in the order of the calls. */
  readonly asked: number[]
  /** Error with which list() rejects; null for no failure. */
  listError: string | null
  /** Error with which scaleTo() rejects; null for no failure. */
  scaleError: string | null
  /** A function that every scaling action calls and awaits. */
  during: (signal: AbortSignal) => Promise<void>
}

export interface FakeReplicas {
  readonly count: number
  readonly service: string
  /** Returns the current Unix time in seconds, which becomes the start time of a new replica. */
  readonly nowSeconds: () => number
  readonly requestsMilli: Readonly<Record<string, number>>
}

export function fakeTarget({ count, service, nowSeconds, requestsMilli }: FakeReplicas): FakeTarget {
  const create = (name: string): ListedReplica => ({
    name,
    phase: 'Running',
    startTimeSeconds: nowSeconds(),
    ready: { status: 'True', sinceSeconds: nowSeconds() },
    containers: [{ name: service, requestsMilli }],
  })
  const numberOf = ({ name }: ListedReplica) => Number(name.slice(service.length + 1))
  let replicas = Array.from({ length: count }, (_, i) => create(`${service}-${i + 1}`))
  const fake: FakeTarget = {
    asked: [],
    listError: null,
    scaleError: null,
    during: async () => {},
    set: (names) => {
      replicas = names.map((name) => replicas.find((replica) => replica.name === name) ?? create(name))
    },
    leaveCreated: (names) => {
      const created = names.map((name): ListedReplica => ({ ...create(name), phase: 'Pending', startTimeSeconds: null, ready: null }))
      replicas = [...replicas.filter(({ name }) => !names.includes(name)), ...created]
    },
    list: async (signal) => {
      signal.throwIfAborted()
      if (fake.listError !== null) throw new Error(fake.listError)
      return replicas
    },
    scaleTo: async (wanted, draining, signal) => {
      signal.throwIfAborted()
      fake.asked.push(wanted)
      await fake.during(signal)
      if (fake.scaleError !== null) throw new Error(fake.scaleError)
      replicas = replicas.filter(({ name }) => !draining.includes(name))
      const removed = replicas.slice(wanted).map(({ name }) => name)
      replicas = replicas.slice(0, wanted).map((replica) => (replica.phase === 'Pending' ? create(replica.name) : replica))
      while (replicas.length < wanted) replicas = [...replicas, create(`${service}-${Math.max(0, ...replicas.map(numberOf)) + 1}`)]
      return { removed }
    },
  }
  return fake
}
