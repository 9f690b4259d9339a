/** The kinds of faults, and how long each takes on a small machine. Pure data. */

export const faultKinds = {
  drain: { takesSeconds: 15, what: 'SIGTERM to a replica, which drains and ends; it is started again' },
  kill: { takesSeconds: 12, what: 'SIGKILL to a replica; it is started again' },
  pause: { takesSeconds: 16, what: 'a replica is frozen for 10 s' },
  'valkey-restart': { takesSeconds: 12, what: 'Valkey is restarted' },
  'valkey-pause': { takesSeconds: 14, what: 'Valkey is frozen for 5 s' },
  'reset-dialled': { takesSeconds: 2, what: 'TCP reset right after the connection' },
  'reset-half-request': { takesSeconds: 2, what: 'TCP reset in the middle of the handshake request' },
  'reset-request': { takesSeconds: 2, what: 'TCP reset after the handshake request, before its answer' },
  'reset-upgraded': { takesSeconds: 2, what: 'TCP reset right after the 101' },
  'reset-mid-frame': { takesSeconds: 2, what: 'TCP reset in the middle of a frame' },
  'traefik-reload': { takesSeconds: 6, what: 'Traefik reads a changed configuration, and the old one again' },
  scale: { takesSeconds: 30, what: 'one replica more, then one less' },
} as const satisfies Record<string, { takesSeconds: number; what: string }>
export type FaultKind = keyof typeof faultKinds

export const allFaultKinds = Object.keys(faultKinds) as FaultKind[]

/** Kinds that hit one replica. */
export const replicaFaults: ReadonlySet<FaultKind> = new Set(['drain', 'kill', 'pause'])
