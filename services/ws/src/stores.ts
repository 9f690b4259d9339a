/** Defines the state that replicas may share: the room log, sessions, room members, and the load of each replica. */
import type { ReplicaState } from '@lab/contract/metrics.ts'
import type { Config } from './config.ts'
import type { Clock } from './ports.ts'
import { MemoryRoomLog, type RoomLog } from './room-log.ts'
import { LocalPresence, type Presence } from './rooms.ts'
import { MemorySessionStore, type SessionStore } from './sessions.ts'

/** The load that a replica reports to the others. */
export interface ReplicaLoad {
  id: string
  state: ReplicaState
  connections: number
  /** The LAB_COLOUR of the replica; undefined if the lab has only one set of replicas. */
  colour?: string
}

/** The table with the loads of all replicas. */
export interface ReplicaTable {
  /** Reports the load of this replica to the other replicas. Call this method once per second. */
  announce(self: ReplicaLoad): void
  /** Returns the loads that replicas reported within the last few seconds, including the load of this replica. */
  all(): ReplicaLoad[]
  /** Whether a rollout is under way, which itself moves sockets between replicas; false if this is unknown. */
  isRollingOut(): boolean
}

export interface StoreStats {
  clients: number
  memoryBytes: number
  /** The memory limit of the store; 0 if the store has no limit. */
  memoryLimitBytes: number
  commands: number
}

export interface Stores {
  roomLog: RoomLog
  sessions: SessionStore
  presence: Presence
  replicas: ReplicaTable
  /** Statistics of the store; undefined if the replica has no store, or the store has not answered yet. */
  stats(): StoreStats | undefined
  stop(): Promise<void>
}

/** Creates the in-memory stores of a replica without Valkey. */
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
