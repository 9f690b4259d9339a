/** One run: members send, faults happen, everything is written down and judged. */
import { paths } from '../contract/src/endpoints.ts'
import { type FaultRecord, faultOf } from './core/drops.ts'
import { planFaults } from './core/fault-plan.ts'
import type { Drop } from './core/ledger.ts'
import { type Report, timesOf } from './core/report.ts'
import { judge } from './core/verdict.ts'
import { Crowd } from './crowd.ts'
import { beginRecord, doFault } from './faults.ts'
import { createHistogram, record, timesIn } from './histograms.ts'
import type { Lab } from './lab.ts'
import { pause, until } from './lab.ts'
import { nodeEnvironment } from './node-environment.ts'
import type { Options } from './options.ts'
import { readRoomLog } from './room-log-reader.ts'

/** Bound on everybody's entering at the beginning. */
const joinWithinMs = 120_000
/** After a fault, traffic takes this long to be ordinary again. */
const calmAfterMs = 3000
/** Bound on the quiet time at the end, in which stragglers arrive. */
const quietWithinMs = 60_000
const quietMs = 3000
const progressEveryMs = 5000

/** What an opening leaves behind. */
export interface Opened {
  /** Numbers of the replicas that run from now on, all the time. */
  numbers: readonly number[]
  /** What it did, so that connections which it cost are explained. */
  faults: readonly FaultRecord[]
  /** Connections of other clients that ended, and what replicas sent them wrongly: judged like the members'. */
  drops: readonly Drop[]
  breaches: Crowd['connections']['breaches']
}

export interface RunHooks {
  log: (line: string) => void
  /** Called for each delivery. @param tookMs from sending */
  onDelivered?: (tookMs: number) => void
  /** Takes place before the faults, once everybody is in; begins the load itself, which goes on. */
  opening?: (crowd: Crowd) => Promise<Opened>
  /** Ends the run early: it rejects with the reason, once the fault that takes place has been put back. */
  stop: AbortSignal
}

/** @param running numbers of the replicas that run all the time, unless the opening says others */
export async function run(
  lab: Lab,
  options: Options,
  running: readonly number[],
  { log, onDelivered, opening, stop }: RunHooks,
): Promise<Report> {
  const started = new Date()
  const runName = `prove-${started.getTime().toString(36)}`
  const times = { crossed: createHistogram(), crossedCalm: createHistogram(), stored: createHistogram() }
  const faults: FaultRecord[] = []
  let calmFromMs = 0
  const crowd = new Crowd({
    environment: nodeEnvironment,
    dialsPerSecond: 250,
    ...{ url: lab.entry + paths.ws, sockets: options.sockets, rooms: options.rooms, seed: options.seed, run: runName },
    onCrossed: (tookMs) => {
      record(times.crossed, tookMs)
      if (performance.now() > calmFromMs) record(times.crossedCalm, tookMs)
    },
    onStored: (tookMs) => record(times.stored, tookMs),
    onDelivered,
    log: limited(log, 200),
  })
  const reader = await readRoomLog(lab, runName)
  crowd.connect()
  await allIn(crowd, options.sockets, { log, stop })

  const startedAtMs = performance.now()
  const atSeconds = () => (performance.now() - startedAtMs) / 1000
  const durationMs = options.minutes * 60_000
  let plan: ReturnType<typeof planFaults> = []
  let opened: Opened = { numbers: running, faults: [], drops: [], breaches: [] }
  const reported: Report['faults'][number][] = []
  const ticker = setInterval(() => {
    const { sent, open, drops } = crowd.ledger
    log(
      `${atSeconds().toFixed(0)} s: ${sent.length} sent, ${open} open, ${drops.length} moved or lost, ${reported.length}/${plan.length} faults, ${crowd.ready} ready`,
    )
  }, progressEveryMs)
  try {
    if (opening === undefined) crowd.start(options.rate)
    else opened = await opening(crowd)
    const faultsFromMs = performance.now()
    plan = planFaults({ ...options, kinds: options.faults, durationMs, replicas: opened.numbers.length })
    for (const fault of plan) {
      // On a slow machine faults take longer than planned; the run does not.
      if (performance.now() - faultsFromMs > durationMs) break
      await pause(Math.max(0, faultsFromMs + fault.atMs - performance.now()), stop)
      stop.throwIfAborted()
      const hit = { ...fault, replica: fault.replica === undefined ? undefined : opened.numbers[fault.replica - 1] }
      const at = atSeconds()
      const entry = beginRecord(hit)
      log(`${at.toFixed(0)} s: ${[entry.kind, entry.replica].filter(Boolean).join(' ')} begins`)
      faults.push(entry)
      calmFromMs = Number.POSITIVE_INFINITY
      await doFault(lab, hit, entry, stop)
      calmFromMs = performance.now() + calmAfterMs
      const { kind, replica, happened, detail } = entry
      reported.push({ atSeconds: at, kind, replica, happened, detail })
      log(`${at.toFixed(0)} s: ${kind} ${replica ?? ''} ${happened ? '' : 'DID NOT HAPPEN '}${detail}`)
    }
    await pause(Math.max(0, faultsFromMs + durationMs - performance.now()), stop)
    stop.throwIfAborted()
  } finally {
    crowd.stop()
    clearInterval(ticker)
  }
  const seconds = atSeconds()
  if (reported.length < plan.length) log(`${plan.length - reported.length} of ${plan.length} faults left out: no time`)
  await quiet(crowd, { log, stop })
  await reader.finish()
  const clients = crowd.stats()
  crowd.end()
  const { ledger, connections } = crowd
  ledger.drops.push(...opened.drops)
  faults.push(...opened.faults)
  const wire = [...connections.breaches, ...opened.breaches]
  const verdict = judge({ ledger, log: reader.entries, faults, required: options.faults, wire })
  const { kills, drains } = absences(ledger.drops, faults)
  return {
    ...{ verdict, options, seconds, planned: plan.length, faults: reported, startedAt: started.toISOString() },
    figures: {
      reconnectAfterKillMs: timesOf(kills),
      awayDuringDrainMs: timesOf(drains),
      drainMs: timesOf(faults.flatMap(({ tookMs }) => (tookMs === undefined ? [] : [tookMs]))),
      crossReplicaMs: timesIn(times.crossedCalm),
      crossReplicaUnderFaultsMs: timesIn(times.crossed),
      storedMs: timesIn(times.stored),
      clients,
    },
  }
}

/** Waits until every member has been let into its rooms; some may be moving already. */
async function allIn(crowd: Crowd, sockets: number, { log, stop }: RunHooks): Promise<void> {
  const ticker = setInterval(
    () => log(`${crowd.joined} of ${sockets} members in their rooms, ${crowd.ready} of them connected`),
    progressEveryMs,
  )
  try {
    const tookMs = await until(`${sockets} members in their rooms`, async () => crowd.joined === sockets, joinWithinMs, 200, stop)
    log(`${sockets} members in their rooms after ${(tookMs / 1000).toFixed(1)} s`)
  } finally {
    clearInterval(ticker)
  }
}

/** Lets stragglers arrive: until every message has its answer and nothing has come for a while, within the bound. */
async function quiet(crowd: Crowd, { log, stop }: RunHooks): Promise<void> {
  const done = async () => crowd.ledger.open === 0 && performance.now() - crowd.lastDeliveryAtMs > quietMs
  await until('quiet', done, quietWithinMs, 200, stop).catch((error: Error) =>
    log(`${error.message}: ${crowd.ledger.open} without an answer`),
  )
  stop.throwIfAborted()
}

/** How long clients were away: after a crash from the crash on, during a drain from the end of the connection. Milliseconds. */
function absences(drops: readonly Drop[], faults: readonly FaultRecord[]): { kills: number[]; drains: number[] } {
  const [kills, drains]: [number[], number[]] = [[], []]
  for (const drop of drops) {
    const fault = faultOf(drop, faults)
    const backAtMs = drop.backAtMs ?? Number.POSITIVE_INFINITY
    if (fault?.kind === 'kill') kills.push(backAtMs - fault.fromMs)
    if (fault?.kind === 'drain' || fault?.kind === 'scale') drains.push(backAtMs - drop.atMs)
  }
  return { kills, drains }
}

/** Passes on so many lines and no more. */
function limited(log: (line: string) => void, most: number): (line: string) => void {
  let left = most
  return (line) => {
    if (left-- > 0) log(line)
    else if (left === -1) log('further such lines are not shown')
  }
}
