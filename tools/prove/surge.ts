/**
 * Performs the surge phase: additional clients connect, replicas are added, the clients disconnect, and replicas are removed. If the lab
 * has a scaler, the scaler decides when to add and remove replicas. Without a scaler, the run itself adds and later removes one replica.
 */
import { pause, until } from '@lab/host/until.ts'
import type { Lab, LabScaler, Replica } from '@lab/lab/lab.ts'
import { Crowd, type CrowdOptions } from '@lab/ledger/crowd.ts'
import type { FaultRecord } from '@lab/ledger/drops.ts'
import { removalsOf } from './report/decisions.ts'
import type { Demand, ScaleDecision } from './report/scaling.ts'

/** Time limit for all additional clients to join their rooms. */
const joinWithinMs = 60_000
/** How long the surge continues after all new replicas are running, so that sockets have time to move to these replicas. */
const holdMs = 10_000
/** Times in seconds on the scaler's clock; the scaler decides every fifteen seconds, and begins to scale down after two minutes. */
const settled = 45
const downWithin = 150
const downEach = 30
/** Time limits in real seconds for a replica to start, including the scrape of its metrics, and for a replica to drain. */
const startWithin = 150
const drainWithin = 40

export interface Surge {
  demands: Demand[]
  /** Scaling decisions made by the run itself; a scaler's decisions are in the scaler's log. */
  decisions: ScaleDecision[]
  /** The removals of replicas by the run itself, recorded as faults. */
  faults: FaultRecord[]
  /** The additional clients. */
  clients: Crowd
  handshakes: { attempts: number; succeeded: number }
}

export interface SurgeOptions {
  lab: Pick<Lab, 'replicas' | 'scaleTo'>
  /** The scaler that decides on the number of replicas; if undefined, the run itself decides. */
  scaler: Pick<LabScaler, 'timeScale'> | undefined
  clients: CrowdOptions
  /** Called with the additional clients when they begin to connect, and with undefined when they have disconnected. */
  onClients: (clients: Crowd | undefined) => void
  log: (line: string) => void
  /** Signal that aborts the surge, which then rejects with the signal's abort reason. */
  stop: AbortSignal
}

export async function surge({ lab, scaler, clients: options, onClients, log, stop }: SurgeOptions): Promise<Surge> {
  const before = await namesOf(lab)
  const clients = new Crowd(options)
  const result: Surge = { demands: [], decisions: [], faults: [], clients, handshakes: { attempts: 0, succeeded: 0 } }
  const ask = (direction: Demand['direction'], text: string) => {
    result.demands.push({ atMs: Date.now(), direction, text })
    log(text)
  }
  try {
    onClients(clients)
    ask('up', `${options.sockets} more sockets connect`)
    clients.connect()
    if (scaler === undefined) await scaleByHand(lab, before, result)
    const everybodyIn = () => clients.joined === options.sockets
    await until(`${options.sockets} additional clients are in their rooms`, everybodyIn, { withinMs: joinWithinMs, stop })
    if (scaler !== undefined) await unlessLate(log, grown(lab, before.length, (settled / scaler.timeScale) * 1000, stop))
    log(`${(await lab.replicas()).length} replicas`)
    await pause(holdMs, stop)
    stop.throwIfAborted()
    const { handshakes = 0, failedDials = 0, timedOutDials = 0 } = clients.stats()
    result.handshakes = { attempts: handshakes + failedDials, succeeded: handshakes - timedOutDials }
    ask('down', `${options.sockets} sockets leave`)
  } finally {
    clients.end()
    onClients(undefined)
  }
  if (scaler === undefined) await undoByHand(lab, before, result)
  else {
    const most = (await lab.replicas()).length
    const extra = most - before.length
    const withinMs = ((downWithin + downEach * extra) / scaler.timeScale + startWithin + drainWithin * extra) * 1000
    await unlessLate(log, shrunk(lab, most, { withinMs, settledMs: (settled / scaler.timeScale) * 1000, stop }))
  }
  stop.throwIfAborted()
  log(`${(await lab.replicas()).length} replicas`)
  return result
}

async function namesOf(lab: SurgeOptions['lab']): Promise<string[]> {
  return (await lab.replicas()).map(({ name }) => name)
}

async function scaleByHand(lab: SurgeOptions['lab'], before: readonly string[], { decisions }: Surge): Promise<void> {
  const [from, to, atMs] = [before.length, before.length + 1, Date.now()]
  await lab.scaleTo(to)
  decisions.push({ atMs, from, to, reason: 'the run added one replica', tookSeconds: (Date.now() - atMs) / 1000, removed: [] })
}

async function undoByHand(lab: SurgeOptions['lab'], before: readonly string[], { decisions, faults }: Surge): Promise<void> {
  const now = await namesOf(lab)
  const removed = now.filter((name) => !before.includes(name))
  const atMs = Date.now()
  await lab.scaleTo(before.length)
  const [from, to] = [now.length, before.length]
  const decision = { atMs, from, to, reason: 'the run removed one replica', tookSeconds: (Date.now() - atMs) / 1000, removed }
  decisions.push(decision)
  faults.push(...removalsOf([decision]))
}

/** Waits until there are more replicas than before, all of them are healthy, and their number has been stable for a while. */
async function grown(lab: SurgeOptions['lab'], before: number, settledMs: number, stop: AbortSignal): Promise<void> {
  const steady = steadiness(settledMs)
  const holds = async () => {
    const replicas = await lab.replicas()
    return steady(shown(replicas)) && replicas.length > before && replicas.every(({ healthy }) => healthy)
  }
  await until('more replicas', holds, { withinMs: startWithin * 1000 + settledMs, everyMs: 1000, stop })
}

interface ShrinkBounds {
  withinMs: number
  settledMs: number
  stop: AbortSignal
}

/**
 * Waits until there are fewer replicas than at the peak of the surge, and their number has been stable for a while. The final number of
 * replicas may differ from the number before the surge, because the scaler's tolerance may leave one extra replica running.
 */
async function shrunk(lab: SurgeOptions['lab'], most: number, { withinMs, settledMs, stop }: ShrinkBounds): Promise<void> {
  const steady = steadiness(settledMs)
  const holds = async () => {
    const replicas = await lab.replicas()
    return steady(shown(replicas)) && replicas.length < most
  }
  await until('fewer replicas', holds, { withinMs: withinMs + settledMs, everyMs: 1000, stop })
}

const shown = (replicas: readonly Replica[]) => replicas.map(({ name }) => name).join()

/** Returns a function that reports whether its argument has been constant for the given time. */
function steadiness(forMs: number): (text: string) => boolean {
  let [last, sinceMs] = ['', performance.now()]
  return (text) => {
    if (text !== last) [last, sinceMs] = [text, performance.now()]
    return performance.now() - sinceMs >= forMs
  }
}

/** Logs an exceeded time limit instead of rejecting, because the report shows late scaling as an objective that was not met. */
async function unlessLate(log: (line: string) => void, waiting: Promise<void>): Promise<void> {
  await waiting.catch((error: Error) => log(error.message))
}
