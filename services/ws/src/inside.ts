/**
 * Creates a replica's core (its hub with history and resume tokens), which uses the given stores. The core itself uses no ports, processes
 * or timers.
 */
import type { KeyObject } from 'node:crypto'
import { storableRooms } from './budgets.ts'
import { History } from './history.ts'
import { createHub, type Hub, type HubDeps } from './hub.ts'
import { signToken, verifyToken } from './resume-token.ts'
import type { Stores } from './stores.ts'

export type InsideOptions = Pick<HubDeps, 'config' | 'replica' | 'version' | 'clock' | 'meter' | 'log' | 'tracer' | 'newId'> & {
  stores: Pick<Stores, 'roomLog' | 'sessions' | 'presence' | 'stats'>
  /** The key that signs resume tokens; all replicas must use the same key. */
  secret: KeyObject
}

export function createInside({ stores, secret, ...given }: InsideOptions): { hub: Hub; history: History } {
  const { config, clock } = given
  const { roomLog, sessions, presence } = stores
  const history = new History({ messages: config.ROOM_LOG_MESSAGES, bytes: config.ROOM_LOG_BYTES, ageMs: config.ROOM_LOG_AGE })
  const hub = createHub({
    ...given,
    roomLog,
    history,
    sessions,
    presence,
    mostRooms: () => storableRooms(stores.stats(), config.MAX_ROOMS_PER_CONNECTION),
    tokenFor: (claim) => signToken(secret, claim, clock.now() + config.RESUME_TOKEN_TTL),
    readToken: (token) => verifyToken(secret, token, clock.now()),
  })
  return { hub, history }
}
