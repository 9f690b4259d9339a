/** Everything that replicas may share, in one place: the room log, sessions, who is in which room, and how full each replica is. */
import type { ReplicaState } from '@lab/contract/metrics.ts'
import type { Config } from './config.ts'
import type { Clock } from './ports.ts'
import { MemoryRoomLog, type RoomLog } from './room-log.ts'
import { LocalPresence, type Presence } from './rooms.ts'
import { MemorySessionStore, type SessionStore } from './sessions.ts'

/** What a replica tells the others of itself. */
export interface ReplicaLoad {
  id: string
  state: ReplicaState
  connections: number
}

/** Who else there is. */
export interface ReplicaTable {
  /** Tells the others how this replica is; once a second. */
  announce(self: ReplicaLoad): void
  /** The replicas that have been heard of within the last few seconds, this one included. */
  all(): ReplicaLoad[]
}

export interface Stores {
  roomLog: RoomLog
  sessions: SessionStore
  presence: Presence
  replicas: ReplicaTable
  /** What the store says of itself; undefined when there is none, or it has not answered yet. */
  stats(): { clients: number; memoryBytes: number; commands: number } | undefined
  stop(): Promise<void>
}

/** The stores of a replica that works alone. */
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
    },
    stats: () => undefined,
    stop: () => roomLog.stop(),
  }
}
