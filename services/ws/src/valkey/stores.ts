/** Everything that replicas share, in Valkey: two connections for each replica, one to read the room log and one for all else. */
import { randomBytes } from 'node:crypto'
import type { Config } from '../config.ts'
import type { Clock, Log } from '../ports.ts'
import type { Stores } from '../stores.ts'
import { Link } from './connection.ts'
import { ValkeyPresence } from './presence.ts'
import { ValkeyReplicaTable } from './replica-table.ts'
import { ValkeyRoomLog } from './room-log.ts'
import { keys } from './scripts.ts'
import { ValkeySessionStore } from './session-store.ts'

/** Silence for this long, while an answer is due, means that Valkey is away. Milliseconds. */
const patienceMs = 1000
const statsMs = 5000
/** How long stopping may take: to store what waits, and to take leave. Milliseconds. */
const stopMs = { store: 600, leave: 300 }

/**
 * The stores of a replica that shares with others. Begins to connect at once; a Valkey that is away delays nothing here.
 * @param id name of the replica
 */
export async function valkeyStores(config: Config, { id, clock, log }: { id: string; clock: Clock; log: Log }): Promise<Stores> {
  const instance = randomBytes(9).toString('base64url')
  const link: Link = new Link({
    url: config.VALKEY_URL,
    name: `ws:${id}`,
    subscription: { channel: keys.taken(instance), onMessage: (said) => sessions.hearTaken(said) },
    patienceMs,
    onUp: () => {
      roomLog.linkUp()
      sessions.linkUp()
      presence.tellAll()
      void askStats()
    },
    onDown: (why) => roomLog.linkDown(why),
  })
  const health = healthReporter(log, clock, () => roomLog.healthy())
  const roomLog = new ValkeyRoomLog({ config, clock, link, readerName: `ws:${id}:reader`, onHealth: health })
  const sessions = new ValkeySessionStore({ config, clock, link, owner: instance })
  const replicas = new ValkeyReplicaTable({ clock, link, instance, onPresence: (known) => presence.check(known) })
  const presence = new ValkeyPresence({ link, instance, others: () => replicas.instances() })
  let stats: ReturnType<Stores['stats']>

  async function askStats(): Promise<void> {
    if (!link.up) return
    // Until it answers, what it said last stands.
    stats = readInfo(await link.send<string>(['INFO', 'clients', 'memory', 'stats']).catch(() => '')) ?? stats
  }

  const asking = setInterval(() => void askStats(), statsMs)
  link.start()
  return {
    roomLog,
    sessions,
    presence,
    replicas,
    stats: () => stats,
    stop: async () => {
      clearInterval(asking)
      await roomLog.stop(stopMs.store)
      if (link.up) await within(stopMs.leave, replicas.leave())
      link.stop()
    },
  }
}

/** Says once that Valkey is away and once that it is back. The first connection is said as well. */
function healthReporter(log: Log, clock: Clock, healthy: () => boolean): (why?: Error) => void {
  let reported: boolean | undefined
  let sinceMs = clock.steady()
  return (err) => {
    const now = healthy()
    if (now === reported || (!now && err === undefined)) return
    const seconds = Math.round((clock.steady() - sinceMs) / 100) / 10
    if (!now) log.error({ err }, 'Valkey is away: rooms end at this replica until it is back')
    else if (reported === undefined) log.info({}, 'rooms and sessions are shared by Valkey')
    else log.info({ seconds }, 'Valkey is back, and all that waited is stored')
    reported = now
    sinceMs = clock.steady()
  }
}

/** Reads what INFO says; undefined when it is not all there. */
function readInfo(info: string): ReturnType<Stores['stats']> {
  const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
  const stats = { clients: value('connected_clients'), memoryBytes: value('used_memory'), commands: value('total_commands_processed') }
  return Object.values(stats).some(Number.isNaN) ? undefined : stats
}

/** Waits for an attempt that may fail, no longer than that. */
async function within(ms: number, attempt: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  await Promise.race([attempt.catch(() => {}), late.promise])
  clearTimeout(timer)
}
