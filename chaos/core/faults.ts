/** The catalogue: every fault by name, where it can be done, and for how long. Pure data; what each does and says is in plan.ts. */
import type { Ground } from './types.ts'

interface Fault {
  /** In a line, for `list`. */
  what: string
  /** How long it lasts without --for, by where the lab runs; absent: it cannot be done there. Seconds. */
  seconds: Partial<Record<Ground, number>>
  /** It hits one replica, which --replica names. */
  hitsReplica: boolean
  /** Replicas that have to run, so that somebody serves meanwhile. */
  needsReplicas: Record<Ground, number>
}

export const faults = {
  kill: fault('SIGKILL to a replica: a crash, no goodbye', { compose: 40, embedded: 15 }, 2),
  pause: fault('a replica is frozen: it hangs, its sockets stay open', { compose: 60, embedded: 20 }, 2),
  drain: fault('SIGTERM to a replica: it takes its leave in order', { compose: 30, embedded: 20 }, 2),
  memory: fault('a replica keeps memory, to 88 % of its limit', { compose: 65, embedded: 20 }, 1),
  busy: fault('the event loop of a replica is blocked for 1.5 s every 3.5 s', { compose: 60, embedded: 20 }, 1),
  'slow-network': everywhere(
    'answers come 100 ms late: of Valkey, or on the embedded lab of the replicas',
    { compose: 45, embedded: 20 },
    1,
  ),
  partition: {
    what: 'a replica is cut off from Valkey, or on the embedded lab from all: a network, not a process, is away',
    seconds: { compose: 45, embedded: 30 },
    hitsReplica: true,
    needsReplicas: { compose: 1, embedded: 2 },
  },
  'valkey-down': everywhere('Valkey is stopped', { compose: 45 }, 1),
  'prometheus-down': everywhere('Prometheus is stopped', { compose: 30 }, 1),
  'scrape-gap': everywhere('Prometheus, or the scaler of the embedded lab, reaches no replica', { compose: 60, embedded: 30 }, 1),
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof faults
export const faultNames = Object.keys(faults) as FaultName[]

function fault(what: string, seconds: Fault['seconds'], replicas: number): Fault {
  return { what, seconds, hitsReplica: true, needsReplicas: { compose: replicas, embedded: replicas } }
}

function everywhere(what: string, seconds: Fault['seconds'], replicas: number): Fault {
  return { ...fault(what, seconds, replicas), hitsReplica: false }
}
