/**
 * Creates the shared stores in Valkey. Each replica has two connections to Valkey: one reads the room log, and the other sends all other
 * commands.
 */
import { randomBytes } from 'node:crypto'
import type { Config } from '../config.ts'
import { type Clock, type Log, standardTimers, type Timers } from '../ports.ts'
import type { Stores } from '../stores.ts'
import { type MakeConnection, ReconnectingConnection, type ValkeyConnection } from './connection.ts'
import { ValkeyPresence } from './presence.ts'
import { ValkeyReplicaTable } from './replica-table.ts'
import { ValkeyRoomLog } from './room-log.ts'
import { keys } from './scripts.ts'
import { ValkeySessionStore } from './session-store.ts'

/** Valkey counts as unavailable if it sends no reply for this long. Milliseconds. */
const patienceMs = 1000
const statsMs = 1000
/**
 * Time limits for stopping the stores: one for storing the waiting messages, and one for removing this replica from the table of replicas.
 * Milliseconds.
 */
const stopMs = { store: 600, leave: 300 }

/** The timers, the function that opens connections, and the process name; tests replace them. */
export interface Outside {
  timers: Timers
  connect: MakeConnection
  /** The name of this process, which is unique among all processes that use the store and changes after a restart. */
  instance: string
}

const standardOutside = (): Outside => ({
  timers: standardTimers,
  connect: (options) => new ReconnectingConnection(options),
  instance: randomBytes(9).toString('base64url'),
})

/**
 * Creates the stores of a replica that shares state with others, and begins to connect to Valkey. The function does not wait for Valkey to
 * become available.
 * @param id the replica's id, for example ws-1
 */
export function valkeyStores(
  config: Config,
  { id, clock, log }: { id: string; clock: Clock; log: Log },
  { timers, connect, instance }: Outside = standardOutside(),
): Stores {
  const valkey: ValkeyConnection = connect({
    url: config.VALKEY_URL,
    name: `ws:${id}`,
    subscription: { channel: keys.taken(instance), onMessage: (message) => sessions.receiveTaken(message) },
    patienceMs,
    onUp: () => {
      roomLog.connectionUp()
      sessions.connectionUp()
      presence.sendAll()
      void askStats()
    },
    onDown: (why) => roomLog.connectionDown(why),
  })
  const health = healthReporter(log, clock, () => roomLog.healthy())
  const roomLog = new ValkeyRoomLog({ config, timers, valkey, connect, readerName: `ws:${id}:reader`, onHealth: health })
  const sessions = new ValkeySessionStore({ config, clock, timers, valkey, owner: instance })
  const replicas = new ValkeyReplicaTable({ clock, valkey, instance, onPresence: (known) => presence.check(known) })
  const presence = new ValkeyPresence({ valkey, timers, instance, others: () => replicas.instances() })
  let stats: ReturnType<Stores['stats']>

  async function askStats(): Promise<void> {
    if (!valkey.up) return
    // Until Valkey has replied, the store's previous statistics remain in use.
    stats = readInfo(await valkey.send<string>(['INFO', 'clients', 'memory', 'stats']).catch(() => '')) ?? stats
  }

  const stopAsking = timers.every(statsMs, () => void askStats())
  valkey.start()
  return {
    roomLog,
    sessions,
    presence,
    replicas,
    stats: () => stats,
    stop: async () => {
      stopAsking()
      await roomLog.stop(stopMs.store)
      if (valkey.up) await within(timers, stopMs.leave, replicas.leave())
      valkey.stop()
    },
  }
}

/** Returns a function that logs when the connection to Valkey becomes healthy or unhealthy, including the first time. */
function healthReporter(log: Log, clock: Clock, healthy: () => boolean): (why?: Error) => void {
  let reported: boolean | undefined
  let sinceMs = clock.steady()
  return (err) => {
    const now = healthy()
    if (now === reported || (!now && err === undefined)) return
    const seconds = Math.round((clock.steady() - sinceMs) / 100) / 10
    if (!now) log.error({ err }, 'Valkey is unavailable: room messages reach only the members on this replica')
    else if (reported === undefined) log.info({}, 'rooms and sessions are shared through Valkey')
    else log.info({ seconds }, 'Valkey is available again, and all waiting messages are stored')
    reported = now
    sinceMs = clock.steady()
  }
}

/** Parses Valkey's reply to the INFO command. Returns undefined if a field is missing from the reply. */
function readInfo(info: string): ReturnType<Stores['stats']> {
  const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
  const stats = {
    clients: value('connected_clients'),
    memoryBytes: value('used_memory'),
    memoryLimitBytes: value('maxmemory'),
    commands: value('total_commands_processed'),
  }
  return Object.values(stats).some(Number.isNaN) ? undefined : stats
}

/** Waits for a promise for at most the given time, and ignores a rejection. */
async function within(timers: Timers, ms: number, attempt: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const cancel = timers.after(ms, late.resolve)
  await Promise.race([attempt.catch(() => {}), late.promise])
  cancel()
}
