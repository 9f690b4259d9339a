/** Replicas kept in memory, which come and go as Compose makes them. For tests. */
import type { Replica, ReplicaTarget } from '../ports.ts'

export interface FakeTarget extends ReplicaTarget {
  /** As by somebody else's hand. */
  set(names: readonly string[]): void
  /** Counts that were asked for, in order. */
  readonly asked: number[]
  /** Set: listing rejects with it. */
  listError: string | null
  /** Set: scaling rejects with it. */
  scaleError: string | null
  /** Runs in the middle of an action, which waits for it. */
  during: (signal: AbortSignal) => Promise<void>
}

export interface FakeReplicas {
  readonly count: number
  readonly service: string
  /** When a replica created now has started; Unix seconds. */
  readonly nowSeconds: () => number
  readonly requestsMilli: Readonly<Record<string, number>>
}

export function fakeTarget({ count, service, nowSeconds, requestsMilli }: FakeReplicas): FakeTarget {
  const create = (name: string): Replica => ({
    name,
    phase: 'Running',
    startTimeSeconds: nowSeconds(),
    ready: { status: 'True', sinceSeconds: nowSeconds() },
    containers: [{ name: service, requestsMilli }],
  })
  const numberOf = ({ name }: Replica) => Number(name.slice(service.length + 1))
  let replicas = Array.from({ length: count }, (_, i) => create(`${service}-${i + 1}`))
  const fake: FakeTarget = {
    asked: [],
    listError: null,
    scaleError: null,
    during: async () => {},
    set: (names) => {
      replicas = names.map((name) => replicas.find((replica) => replica.name === name) ?? create(name))
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
      replicas = replicas.slice(0, wanted)
      while (replicas.length < wanted) replicas = [...replicas, create(`${service}-${Math.max(0, ...replicas.map(numberOf)) + 1}`)]
      return { removed }
    },
  }
  return fake
}
