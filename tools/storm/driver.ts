/**
 * Runs one storm on a running lab: fills a replica with clients, kills the replica, and counts events until the clients have reconnected.
 */
import { createClient } from '@lab/client/client.ts'
import { nodeEnvironmentWith } from '@lab/client/node.ts'
import type { Client } from '@lab/client/types.ts'
import { paths, services } from '@lab/contract/endpoints.ts'
import { type Begun, begin } from '@lab/faults/engine.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { pause, until } from '@lab/host/until.ts'
import { askEntry, cookieOf, socketAddress } from '@lab/lab/entry.ts'
import type { FoundLab } from '@lab/lab/find.ts'
import type { LocalKind } from '@lab/lab/lab.ts'
import type { Damage } from './compare.ts'
import { type Storm, type StormClients, StormCount, stormSeconds } from './storm.ts'

/**
 * While a replica is being filled, it already asks some clients to move to replicas with fewer sockets, so more clients are opened than are
 * needed.
 */
const surplus = 1.2
/**
 * Maximum number of opened clients, as a multiple of the desired number. Clients that have moved to other replicas are replaced until this
 * maximum is reached.
 */
const most = 2.5
/** Connection attempts per second while the replica is being filled. */
const fillPerSecond = 250
const fillEveryMs = 50
/**
 * Maximum number of clients that connect at the same time. With more, naive clients could wait so long for a session that they would retry
 * before the replica is killed.
 */
const mostPending = 100
/** Time limit for filling the replica with up to a thousand sockets; for more sockets, the limit grows proportionally. */
const fillWithinMs = 60_000
const routedWithinMs = 30_000
const deathWithinMs = 20_000
const backWithinSeconds = 60
/** Approximate number of connection attempts per second by all jittered clients together, regardless of how many there are. */
const jitteredDialsPerSecond = 100
const askEveryMs = 500

export interface StormOptions {
  /** Number of sockets on the replica when it is killed. */
  sockets: number
  clients: StormClients
  log: (line: string) => void
  /** Aborts the storm: the killed replica is restarted, and the storm then rejects with the signal's abort reason. */
  stop: AbortSignal
}

/**
 * Runs a storm by killing the healthy replica that comes last in the lab's list of replicas. Rejects with a one-line error if fewer than
 * two replicas are healthy.
 */
export async function storm(lab: FoundLab<LocalKind>, { sockets, clients, log, stop }: StormOptions): Promise<Storm & { damage: Damage }> {
  const healthy = (await lab.replicas()).filter((replica) => replica.healthy)
  const victim = healthy.at(-1)?.name
  if (victim === undefined || healthy.length < 2)
    throw new LabError(`${healthy.length} replicas of ${lab.name} are healthy; a storm needs two: ./lab scale 2`)
  log(`${clients} clients: opening ${sockets} sockets at ${victim}`)
  const count = new StormCount(victim)
  // After an earlier storm, the router may take a moment to detect that the killed replica has restarted.
  const cookie = await until(`the entry routes to ${victim}`, () => cookieOf(lab.entry, victim), { withinMs: routedWithinMs, stop })
  const crowd = new StormCrowd(lab, { victim, cookie, sockets, clients, count })
  let killed: Begun | undefined
  try {
    crowd.fill()
    const isFull = () => {
      const { there, elsewhere, pending } = crowd.count()
      if (there < sockets) throw new Error(`${there} clients are on the replica, ${elsewhere} on others, ${pending} are connecting`)
      return true
    }
    await until(`${sockets} sockets at ${victim}`, isFull, {
      withinMs: fillWithinMs * Math.max(1, sockets / 1000),
      everyMs: fillEveryMs,
      stop,
    })
    crowd.stay()
    const survivors = await othersThan(lab, victim)
    killed = await begin(lab, 'kill', { replica: victim, seconds: stormSeconds })
    log(`${clients} clients: ${victim} is dead`)
    const watch = watchEntry(lab.entry)
    await until(`the clients of ${victim} are disconnected`, () => count.hasBegun, { withinMs: deathWithinMs, everyMs: 50, stop })
    const over = performance.now() + stormSeconds * 1000
    while (count.missing > 0 && performance.now() < over && !stop.aborted) await pause(100, stop)
    const asked = await watch.stop()
    stop.throwIfAborted()
    return { ...count.result(clients, crowd.size), damage: { down: await damageTo(lab, survivors), ...asked } }
  } finally {
    crowd.end()
    if (killed !== undefined) await undo(lab, killed, healthy.length)
  }
}

/** Restarts the killed replica and waits until as many replicas are healthy as before. */
async function undo(lab: FoundLab<LocalKind>, killed: Begun, replicas: number): Promise<void> {
  const left = await killed.undo()
  if (left.length > 0) throw new LabError(`the killed replica was not restarted: ${left.join('; ')}`)
  const areBack = async () => (await lab.replicas()).filter(({ healthy }) => healthy).length >= replicas
  await until(`${replicas} replicas are healthy`, areBack, { withinMs: backWithinSeconds * 1000, everyMs: 500 })
}

interface CrowdOptions {
  victim: string
  /** The sticky cookie of the replica to be killed. */
  cookie: string
  /** The desired number of clients on the replica to be killed. */
  sockets: number
  clients: StormClients
  count: StormCount
}

/** The clients that take part in a storm. */
class StormCrowd {
  private readonly members: Client[] = []
  private filling: NodeJS.Timeout | undefined
  private readonly lab: FoundLab<LocalKind>
  private readonly options: CrowdOptions

  constructor(lab: FoundLab<LocalKind>, options: CrowdOptions) {
    this.lab = lab
    this.options = options
  }

  /** Number of clients that have been opened so far. */
  get size(): number {
    return this.members.length
  }

  /** Number of clients with a session on the replica to be killed, with a session on another replica, and without a session. */
  count(): { there: number; elsewhere: number; pending: number } {
    const found = { there: 0, elsewhere: 0, pending: 0 }
    for (const { state } of this.members) {
      if (state.word !== 'open') found.pending++
      else if (state.replica === this.options.victim) found.there++
      else found.elsewhere++
    }
    return found
  }

  /** Opens clients, a few at a time, until `stay` or `end` is called. */
  fill(): void {
    const { sockets } = this.options
    let lastMs = performance.now()
    this.filling = setInterval(() => {
      const due = ((performance.now() - lastMs) * fillPerSecond) / 1000
      lastMs = performance.now()
      const { elsewhere, pending } = this.count()
      const missing = Math.min(Math.ceil(sockets * surplus) + elsewhere, sockets * most) - this.size
      for (let left = Math.min(due, missing, mostPending - pending); left > 0; left--) this.members.push(this.client(this.size))
    }, fillEveryMs)
  }

  /** Stops opening clients. */
  stay(): void {
    clearInterval(this.filling)
  }

  end(): void {
    this.stay()
    for (const client of this.members) client.close()
  }

  private client(number: number): Client {
    const { clients, count, sockets } = this.options
    let headers: Record<string, string> = { cookie: this.options.cookie }
    return createClient(
      {
        url: socketAddress(this.lab),
        onEvent: (event) => count.take(number, event, Date.now()),
        forgetReplica: () => {
          headers = {}
        },
        backoff: clients === 'naive' ? 'none' : 'full-jitter',
        backoffBaseMs: Math.max(1000, ((sockets * surplus) / jitteredDialsPerSecond) * 1000),
      },
      nodeEnvironmentWith(() => headers),
    )
  }
}

/** Checks the lab's readiness through the router: immediately, and then twice a second. */
function watchEntry(entry: string): { stop(): Promise<Pick<Damage, 'asked' | 'notReady'>> } {
  const answers: Promise<boolean>[] = []
  const ask = () => {
    const answer = askEntry(entry, paths.readyz).then(
      async (response) => {
        await response.body?.cancel()
        return response.ok
      },
      () => false,
    )
    answers.push(answer)
  }
  // The first request is sent at once, because all clients may reconnect before the first interval ends.
  ask()
  const timer = setInterval(ask, askEveryMs)
  return {
    stop: async () => {
      clearInterval(timer)
      const ready = await Promise.all(answers)
      return { asked: ready.length, notReady: ready.filter((isReady) => !isReady).length }
    },
  }
}

/** A part of the lab that must stay healthy during a storm. */
interface Survivor {
  name: string
  healthy: boolean
  /** Start time of the replica or router; a later start time shows that it has restarted. */
  startedAt: string | number
}

/** Lists all other replicas and, in the Compose lab, the router. In the embedded lab, the router is part of the lab's own process. */
async function othersThan(lab: FoundLab<LocalKind>, victim: string): Promise<Survivor[]> {
  const replicas = (await lab.replicas()).filter(({ name }) => name !== victim)
  const found: Survivor[] = replicas.map(({ name, healthy, startedAtSeconds }) => ({ name, healthy, startedAt: startedAtSeconds }))
  if (lab.kind === 'embedded') return found
  const { State } = await lab.inspect(lab.container(services.traefik))
  const healthy = State.Status === 'running' && State.Health?.Status === 'healthy'
  return [...found, { name: services.traefik, healthy, startedAt: State.StartedAt }]
}

async function damageTo(lab: FoundLab<LocalKind>, before: readonly Survivor[]): Promise<string[]> {
  const after = await othersThan(lab, '')
  return before.flatMap(({ name, startedAt }) => {
    const now = after.find((one) => one.name === name)
    if (now === undefined) return [`${name} has exited`]
    if (now.startedAt !== startedAt) return [`${name} has restarted`]
    return now.healthy ? [] : [`${name} is not healthy`]
  })
}
