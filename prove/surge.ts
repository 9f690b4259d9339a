/**
 * More clients than the replicas should hold, for a while: guests come, replicas are added, guests go, replicas go. The scaler
 * decides where one runs; otherwise the run asks for one replica more itself, and for one less.
 */
import { services } from '../contract/src/endpoints.ts'
import type { FaultRecord } from './core/drops.ts'
import { Crowd, type CrowdOptions } from './crowd.ts'
import { type Lab, pause, until } from './lab.ts'
import { removalsOf } from './report/decisions.ts'
import type { Demand, ScaleDecision } from './report/scaling.ts'
import type { RunningScaler } from './scaler.ts'

/** Bound on everybody's entering. */
const joinWithinMs = 60_000
/** With its replicas, so that sockets have time to move there. */
const holdMs = 10_000
/** In seconds of the scaler's clock: its decisions come every fifteen, and going down waits for two minutes and then takes turns. */
const settled = 45
const downWithin = 150
const downEach = 30
/** In real seconds: scrapes and starting; a drain. */
const startWithin = 150
const drainWithin = 40

export interface Surge {
  demands: Demand[]
  /** Of the run itself; the scaler's are in its log. */
  decisions: ScaleDecision[]
  /** What the run itself took away. */
  faults: FaultRecord[]
  guests: Crowd
  handshakes: { attempts: number; succeeded: number }
}

export interface SurgeOptions {
  lab: Lab
  scaler: RunningScaler | undefined
  guests: CrowdOptions
  /** Told when the guests are there, so that they can be counted; and when they have gone. */
  onGuests: (guests: Crowd | undefined) => void
  log: (line: string) => void
  /** Ends it early: it rejects with the reason. */
  stop: AbortSignal
}

export async function surge({ lab, scaler, guests: options, onGuests, log, stop }: SurgeOptions): Promise<Surge> {
  const before = await lab.replicas()
  const guests = new Crowd(options)
  const result: Surge = { demands: [], decisions: [], faults: [], guests, handshakes: { attempts: 0, succeeded: 0 } }
  const ask = (direction: Demand['direction'], text: string) => {
    result.demands.push({ atMs: Date.now(), direction, text })
    log(text)
  }
  onGuests(guests)
  ask('up', `${options.sockets} more sockets come`)
  guests.connect()
  if (scaler === undefined) await scaleByHand(lab, before, result)
  await until(`${options.sockets} guests`, async () => guests.joined === options.sockets, joinWithinMs, 200, stop)
  if (scaler !== undefined) await unlessLate(log, grown(lab, before.length, (settled / scaler.timeScale) * 1000, stop))
  log(`${(await lab.replicas()).length} replicas`)
  await pause(holdMs, stop)
  stop.throwIfAborted()
  const { handshakes = 0, failedDials = 0, timedOutDials = 0 } = guests.stats()
  result.handshakes = { attempts: handshakes + failedDials, succeeded: handshakes - timedOutDials }
  ask('down', `${options.sockets} sockets go`)
  guests.end()
  onGuests(undefined)
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

async function scaleByHand(lab: Lab, before: readonly number[], { decisions }: Surge): Promise<void> {
  const [from, to, atMs] = [before.length, before.length + 1, Date.now()]
  await lab.scaleTo(to)
  decisions.push({ atMs, from, to, reason: 'the run asked for one more', tookSeconds: (Date.now() - atMs) / 1000, removed: [] })
}

async function undoByHand(lab: Lab, before: readonly number[], { decisions, faults }: Surge): Promise<void> {
  const now = await lab.replicas()
  const removed = now.filter((number) => !before.includes(number)).map((number) => `${services.ws}-${number}`)
  const atMs = Date.now()
  await lab.scaleTo(before.length)
  const [from, to] = [now.length, before.length]
  const decision = { atMs, from, to, reason: 'the run asked for one less', tookSeconds: (Date.now() - atMs) / 1000, removed }
  decisions.push(decision)
  faults.push(...removalsOf([decision]))
}

/** Until there are more replicas than before, all of them healthy, and their number has been the same for a while. */
async function grown(lab: Lab, before: number, settledMs: number, stop: AbortSignal): Promise<void> {
  const steady = steadiness(settledMs)
  const holds = async () => {
    const numbers = await lab.replicas()
    const states = await Promise.all(numbers.map((number) => lab.state(lab.container(services.ws, number))))
    return steady(numbers.join()) && numbers.length > before && states.every(({ Health }) => Health?.Status === 'healthy')
  }
  await until('more replicas', holds, startWithin * 1000 + settledMs, 1000, stop)
}

interface ShrinkBounds {
  withinMs: number
  settledMs: number
  stop: AbortSignal
}

/**
 * Until there are fewer replicas than there were at most, and their number has been the same for a while. It need not be that
 * of before: within its tolerance, a scaler that comes down stops at one more than a scaler that goes up.
 */
async function shrunk(lab: Lab, most: number, { withinMs, settledMs, stop }: ShrinkBounds): Promise<void> {
  const steady = steadiness(settledMs)
  const holds = async () => {
    const numbers = await lab.replicas()
    return steady(numbers.join()) && numbers.length < most
  }
  await until('fewer replicas', holds, withinMs + settledMs, 1000, stop)
}

/** Says whether what it is shown has been the same for so long. */
function steadiness(forMs: number): (shown: string) => boolean {
  let [last, sinceMs] = ['', performance.now()]
  return (shown) => {
    if (shown !== last) [last, sinceMs] = [shown, performance.now()]
    return performance.now() - sinceMs >= forMs
  }
}

/** What comes too late is in the report anyway: as an objective that does not hold. */
async function unlessLate(log: (line: string) => void, waiting: Promise<void>): Promise<void> {
  await waiting.catch((error: Error) => log(error.message))
}
