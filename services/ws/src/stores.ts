/** Defines the state that replicas may share: the room log, sessions, room members, and each replica's load. */
import type { ReplicaState } from '@lab/contract/metrics.ts'
import type { Config } from './config.ts'
import type { Clock } from './ports.ts'
import { MemoryRoomLog, type RoomLog } from './room-log.ts'
import { LocalPresence, type Presence } from './rooms.ts'
import { MemorySessionStore, type SessionStore } from './sessions.ts'

/** The load that a replica reports to the other replicas. */
export interface ReplicaLoad {
  id: string
  state: ReplicaState
  connections: number
  /** The replica's LAB_COLOUR; undefined if the lab has only one set of replicas. */
  colour?: string
}

/** The table of all replicas' loads. */
export interface ReplicaTable {
  /** Reports this replica's load to the other replicas. Call this method once per second. */
  announce(self: ReplicaLoad): void
  /** Returns the loads that replicas reported within the last few seconds, including this replica's load. */
  all(): ReplicaLoad[]
  /** Whether a rollout, which itself moves sockets between replicas, is under way; false if unknown. */
  isRollingOut(): boolean
}

export interface StoreStats {
  clients: number
  memoryBytes: number
  /** The store's memory limit; 0 if it has none. */
  memoryLimitBytes: number
  commands: number
}

export interface Stores {
  roomLog: RoomLog
  sessions: SessionStore
  presence: Presence
  replicas: ReplicaTable
  /** The store's statistics; undefined if the replica has no store or the store has not responded yet. */
  stats(): StoreStats | undefined
  stop(): Promise<void>
}

/** Creates the in-memory stores for a replica without Valkey. */
export function memoryStores(config: Config, clock: Clock): Stores {
  let load: ReplicaLoad[] = []
  const roomLog = new MemoryRoomLog(clock.now, config.ROOM_LOG_MESSAGES)
  return {
    roomLog,
    sessions: new MemorySessionStore(config.RESUME_WINDOW, config.MAX_HELD_SESSIONS),
    presence: new LocalPresence(),
    replicas: {
      announce: (self) => {
        load = [self]
      },
      all: () => load,
      isRollingOut: () => false,
    },
    stats: () => undefined,
    stop: () => roomLog.stop(),
  }
}
