/** Defines the live page's HTTP API: its paths, the schema of its state, and the requests that the embedded lab accepts. */
import { z } from 'zod'
import { k6Sockets } from './load-control.ts'

/**
 * The paths of the HTTP API. The `state` and `events` endpoints accept GET requests; all other endpoints accept POST requests with a JSON
 * body.
 */
export const embeddedPaths = {
  /** The complete state as JSON. */
  state: '/api/state',
  /** Server-sent events that contain the state, without the scaler's decisions, twice a second. */
  events: '/api/events',
  load: '/api/load',
  k6Load: '/api/k6-load',
  pause: '/api/pause',
  target: '/api/target',
  scaleDown: '/api/scale-down',
  replicas: '/api/replicas',
  kill: '/api/kill',
  drain: '/api/drain',
  rollOut: '/api/roll-out',
  deploy: '/api/deploy',
  disturb: '/api/disturb',
  calm: '/api/calm',
} as const

/** The minimum and maximum allowed value of each number in a request body. */
export const embeddedBounds = {
  sockets: { min: 0, max: 5_000 },
  k6Sockets: { min: 0, max: k6Sockets.max },
  targetConnections: { min: 1, max: 10_000 },
  replicas: { min: 1, max: 20 },
  disturbanceSeconds: { min: 5, max: 600 },
} as const

/** The disturbances that affect one replica. Each disturbance ends after the time specified in its request. */
export const replicaDisturbances = ['frozen', 'memory', 'busy', 'cut-off'] as const
/** The disturbances that affect the lab as a whole. */
export const labDisturbances = ['slow-answers', 'no-metrics'] as const
export type Disturbance = (typeof replicaDisturbances)[number] | (typeof labDisturbances)[number]
/** Whether a disturbance affects only one replica. */
export const hitsReplica = (kind: Disturbance): boolean => !(labDisturbances as readonly string[]).includes(kind)

const whole = ({ min, max }: { min: number; max: number }) => {
  const error = `allowed is a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}
const replica = z.string({ error: 'allowed is the name of a replica, as in ws-1' })
const kind = z.enum([...replicaDisturbances, ...labDisturbances], {
  error: `allowed are ${[...replicaDisturbances, ...labDisturbances].join(', ')}`,
})

/** The schemas of POST request bodies, keyed by path. The `id` field contains the name of a running replica. */
export const embeddedOrders = {
  load: z.strictObject({ sockets: whole(embeddedBounds.sockets) }),
  /** Changes the number of sockets of the k6 runs in progress; several runs share the number equally. */
  k6Load: z.strictObject({ sockets: whole(embeddedBounds.k6Sockets) }),
  pause: z.strictObject({ paused: z.boolean({ error: 'allowed is true or false' }) }),
  target: z.strictObject({ connections: whole(embeddedBounds.targetConnections) }),
  scaleDown: z.strictObject({
    rules: z
      .strictObject({
        windowSeconds: whole({ min: 0, max: 3600 }),
        pods: whole({ min: 1, max: 100 }),
        periodSeconds: whole({ min: 1, max: 1800 }),
      })
      .nullable(),
  }),
  replicas: z.strictObject({ count: whole(embeddedBounds.replicas) }),
  kill: z.strictObject({ id: replica }),
  drain: z.strictObject({ id: replica }),
  /** Replaces the replicas one by one with replicas of a new version. If the new version fails, it is rolled back. */
  rollOut: z.strictObject({ fails: z.boolean({ error: 'allowed is true or false' }) }),
  /**
   * Starts replicas of a new version in the other colour (blue or green), routes new connections to them, and drains the old replicas. If
   * the new version fails, it is rolled back.
   */
  deploy: z.strictObject({ fails: z.boolean({ error: 'allowed is true or false' }) }),
  /** The `id` field is required only for a disturbance that affects a single replica. */
  disturb: z.strictObject({ kind, id: z.string().optional(), seconds: whole(embeddedBounds.disturbanceSeconds) }),
  /** Ends a disturbance. A disturbance can be ended even if the affected replica has already stopped. */
  calm: z.strictObject({ kind, of: z.string().optional() }),
} as const
export type EmbeddedOrder = keyof typeof embeddedOrders

const count = z.number().nullable()

const scaler = z.object({
  current: count,
  desired: count,
  min: z.number(),
  max: z.number(),
  paused: z.boolean(),
  /** The HPA's target: the average number of connections per replica. */
  targetConnections: count,
  words: z.string(),
  /** Whether unreadable metrics prevented the scaler's last decision from proposing a number of replicas. */
  blind: z.boolean(),
  decidedAt: z.string().nullable(),
})

/** The state that the live page receives from `GET /api/events` and displays. A field is null if its value is unknown. */
export const liveSnapshot = z.object({
  mode: z.enum(['embedded', 'compose']),
  /** Whether the replicas share rooms and sessions through a store. */
  shared: z.boolean(),
  /** URL of the shared store, such as valkey://127.0.0.1:6379; null if there is no store. */
  storeUrl: z.string().nullable(),
  /** Whether all responding replicas can reach the store. */
  storeUp: z.boolean(),
  timeScale: z.number(),
  /** The replicas, ordered by number. */
  replicas: z.array(
    z.object({
      id: z.string(),
      state: z.enum(['starting', 'ready', 'draining', 'silent']),
      version: z.string().nullable(),
      colour: z.string().nullable(),
      connections: z.number(),
      connectionsLimit: z.number(),
      cpuPercent: count,
      memoryMiB: z.number(),
      messagesPerSecond: count,
      eventLoopPercent: z.number(),
      drainLeft: z.number(),
      /** The replica's start time in Unix seconds; 0 while the replica is starting. */
      startedAtSeconds: z.number(),
      /** URL of the replica's metrics in the Prometheus text format; null while the replica is starting. */
      metricsUrl: z.string().nullable(),
    }),
  ),
  /** The scaler's state; null if no scaler is running. */
  scaler: scaler.nullable(),
  load: z.object({
    wanted: z.number(),
    /** Number of the load driver's sockets that are open and have a session. */
    open: z.number(),
    answeredPerSecond: z.number(),
    /** Percentiles of the messages' round-trip times over the load driver's last reporting interval, in milliseconds. */
    p50Ms: count,
    p95Ms: count,
    /** Number of sessions that were resumed on another replica; null unless the replicas share a store. */
    moves: count,
    /** Number of sessions that could not be resumed; their clients started new sessions and may have missed messages. */
    afresh: z.number(),
    /** Number of room messages that never reached the load driver's clients; null unless the replicas share a store. */
    lost: count,
    reconnects: z.number(),
  }),
  /** The number of sockets of the k6 runs in progress; null if there is no run that can be changed. */
  k6: z.object({ wanted: z.number(), open: z.number() }).nullable(),
  openThroughRouter: z.number(),
  /** A sentence that describes the current rollout; null if no rollout is under way. */
  rollout: z.string().nullable(),
  events: z.array(z.object({ time: z.number(), text: z.string() })),
})
export type LiveSnapshot = z.infer<typeof liveSnapshot>

/** The embedded lab's snapshot, in which the scaler's state is never null. */
export const embeddedSnapshot = liveSnapshot.extend({ mode: z.literal('embedded'), scaler })
export type EmbeddedSnapshot = z.infer<typeof embeddedSnapshot>

/** The response to `GET /api/state`: the snapshot, the lab's public URL, the scaler's state folder, and the latest decisions, newest last. */
export const embeddedState = embeddedSnapshot.extend({
  entry: z.url(),
  /** Path of the folder that contains the scaler's decision log. */
  stateFolder: z.string(),
  decisions: z.array(z.object({ time: z.string(), current: count, desired: count, reason: z.string(), text: z.string() })),
})
export type EmbeddedState = z.infer<typeof embeddedState>
