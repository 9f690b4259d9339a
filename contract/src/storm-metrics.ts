/** Metrics of the k6 scenario `storm`: the only place where such a name is spelled. */
import type { LoadMetricSpec } from './load-metrics.ts'

/** All but `lost` and `back` carry the label `second`: how long after the replica died, in whole seconds. */
export const stormMetrics = {
  lost: { kind: 'counter', name: 'lab_storm_lost', help: 'Sockets that were cut off when the replica died.' },
  dials: { kind: 'counter', name: 'lab_storm_dials', help: 'Tries to connect again, by the second after the death.' },
  connects: { kind: 'counter', name: 'lab_storm_connects', help: 'Tries that ended in an open socket, by the second after the death.' },
  back: { kind: 'trend', name: 'lab_storm_back_time', help: 'From the death to the session being at another replica.' },
} as const satisfies Record<string, LoadMetricSpec>

/** Values of the label `second`: from 0 to one less than this. */
export const stormSeconds = 40

/** Values of CLIENTS: who comes back at once and again and again, and who waits a random time first. */
export const stormClients = ['naive', 'jittered'] as const
export type StormClients = (typeof stormClients)[number]
