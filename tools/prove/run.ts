/** Performs one run: clients send messages, faults are injected, and all events are recorded and evaluated. */
import { nodeEnvironment } from '@lab/client/node.ts'
import type { PlanFaultName } from '@lab/faults/catalogue/index.ts'
import { pause, timed, until } from '@lab/host/until.ts'
import { socketAddress } from '@lab/lab/entry.ts'
import type { FoundLab } from '@lab/lab/find.ts'
import type { LabStore } from '@lab/lab/lab.ts'
import { Crowd } from '@lab/ledger/crowd.ts'
import { type FaultRecord, faultOf } from '@lab/ledger/drops.ts'
import type { Drop } from '@lab/ledger/ledger.ts'
import { judge } from '@lab/ledger/verdict.ts'
import { planFaults } from './core/fault-plan.ts'
import { mostPerSecond, type Report, timesOf } from './core/report.ts'
import { beginRecord, doFault } from './faults.ts'
import { createHistogram, record, timesIn } from './histograms.ts'
import type { Options } from './options.ts'
import { readRoomLog } from './room-log-reader.ts'

/** Time limit for all clients to join their rooms. */
const joinWithinMs = 120_000
/** Time from the end of a fault until the traffic is considered normal again. */
const calmAfterMs = 3000
/** Time limit for the quiet phase at the end of a run, in which late messages arrive. */
const quietWithinMs = 60_000
const quietMs = 3000
const progressEveryMs = 5000
/** Maximum number of log lines about individual clients. */
const mostClientLines = 200

/** The events of a run that were recorded before the first fault. */
export interface Prelude {
  /** Changes made to the lab before the first planned fault, which explain why connections were lost. */
  faults: readonly FaultRecord[]
  /** Lost connections and invalid frames of the additional clients, which are judged by the same rules as those of the regular clients. */
  drops: readonly Drop[]
  breaches: Crowd['connections']['breaches']
}

export interface RunHooks {
  log: (line: string) => void
  /** Called each time a message is delivered. @param tookMs time from sending the message to its delivery */
  onDelivered?: (tookMs: number) => void
  /**
   * Called after all clients have joined their rooms and before the first fault; it starts the load, which then continues during the
   * faults.
   */
  prelude?: (crowd: Crowd) => Promise<Prelude>
  /** Signal that ends the run early: the run rejects with the abort reason once the current fault has been undone. */
  stop: AbortSignal
}

/** @param store the lab's store, whose room log is compared with the deliveries */
export async function run(
  lab: FoundLab,
  store: LabStore,
  options: Options,
  { log, onDelivered, prelude, stop }: RunHooks,
): Promise<Report> {
  const { sockets, rooms, seed } = options
  const started = new Date()
  const runName = `prove-${started.getTime().toString(36)}`
  const times = { crossed: createHistogram(), crossedCalm: createHistogram(), stored: createHistogram() }
  const faults: FaultRecord[] = []
  let calmFromMs = 0
  const crowd = new Crowd({
    environment: nodeEnvironment,
    dialsPerSecond: 250,
    url: socketAddress(lab),
    sockets,
    rooms,
    seed,
    run: runName,
    onCrossed: (tookMs) => {
      record(times.crossed, tookMs)
      if (performance.now() > calmFromMs) record(times.crossedCalm, tookMs)
    },
    onStored: (tookMs) => record(times.stored, tookMs),
    onDelivered,
    log: limited(log, mostClientLines),
  })
  const reader = await readRoomLog(store, runName)
  const { ledger, connections } = crowd
  const reported: Report['faults'][number][] = []
  let plan: ReturnType<typeof planFaults> = []
  let before: Prelude = { faults: [], drops: [], breaches: [] }
  let startedAtMs = performance.now()
  const atSeconds = () => (performance.now() - startedAtMs) / 1000
  let ticker: NodeJS.Timeout | undefined
  try {
    crowd.connect()
    await allIn(crowd, sockets, { log, stop })
    startedAtMs = performance.now()
    ticker = setInterval(() => {
      const counts = `${ledger.sent.length} sent, ${ledger.open} open, ${ledger.drops.length} moved or lost`
      log(`${atSeconds().toFixed(0)} s: ${counts}, ${reported.length}/${plan.length} faults, ${crowd.ready} ready`)
    }, progressEveryMs)
    if (prelude === undefined) crowd.start(options.rate)
    else before = await prelude(crowd)
    const durationMs = options.minutes * 60_000
    const faultsFromMs = performance.now()
    const { drains, faults: kinds } = options
    plan = planFaults({ seed, kinds, drains, durationMs, replicas: (await lab.replicas()).length })
    for (const { kind, atMs, replica: number } of plan) {
      // On a slow machine, faults take longer than planned, and the last faults are skipped.
      if (performance.now() - faultsFromMs > durationMs) break
      await pause(Math.max(0, faultsFromMs + atMs - performance.now()), stop)
      stop.throwIfAborted()
      // The replica's name is looked up before each fault, because a replacement replica may have a new name.
      const replica = number === undefined ? undefined : (await lab.replicas())[number - 1]?.name
      const at = atSeconds()
      const entry = beginRecord({ kind, replica })
      log(`${at.toFixed(0)} s: ${[kind, replica].filter(Boolean).join(' ')} begins`)
      faults.push(entry)
      calmFromMs = Number.POSITIVE_INFINITY
      await doFault(lab, { kind, replica }, entry, stop)
      calmFromMs = performance.now() + calmAfterMs
      const { happened, detail } = entry
      reported.push({ atSeconds: at, kind, replica: entry.replica, happened, detail })
      log(`${at.toFixed(0)} s: ${kind} ${entry.replica ?? ''} ${happened ? '' : 'DID NOT HAPPEN '}${detail}`)
    }
    await pause(Math.max(0, faultsFromMs + durationMs - performance.now()), stop)
    stop.throwIfAborted()
    const seconds = atSeconds()
    crowd.stop()
    if (reported.length < plan.length) log(`${plan.length - reported.length} of ${plan.length} faults were left out for lack of time`)
    await quiet(crowd, { log, stop })
    await reader.finish()
    const clients = crowd.stats()
    crowd.end()
    ledger.drops.push(...before.drops)
    faults.push(...before.faults)
    const wire = [...connections.breaches, ...before.breaches]
    const verdict = judge({ ledger, log: reader.entries, faults, required: options.faults, wire })
    const { kills, drains: drained } = absences(ledger.drops, faults)
    return {
      verdict,
      options,
      seconds,
      planned: plan.length,
      faults: reported,
      startedAt: started.toISOString(),
      figures: {
        reconnectAfterKillMs: timesOf(kills),
        awayDuringDrainMs: timesOf(drained),
        drainMs: timesOf(faults.flatMap(({ tookMs }) => (tookMs === undefined ? [] : [tookMs]))),
        crossReplicaMs: timesIn(times.crossedCalm),
        crossReplicaUnderFaultsMs: timesIn(times.crossed),
        storedMs: timesIn(times.stored),
        mostReturnsPerSecond: mostPerSecond(ledger.drops.flatMap(({ backAtMs }) => backAtMs ?? [])),
        clients,
      },
    }
  } finally {
    clearInterval(ticker)
    crowd.stop()
    crowd.end()
    reader.abandon()
  }
}

/** Waits until every client has joined its rooms, even if some clients are already moving to other replicas. */
async function allIn(crowd: Crowd, sockets: number, { log, stop }: RunHooks): Promise<void> {
  const ticker = setInterval(
    () => log(`${crowd.joined} of ${sockets} members in their rooms, ${crowd.ready} of them connected`),
    progressEveryMs,
  )
  try {
    const tookMs = await timed(() =>
      until(`${sockets} members in their rooms`, () => crowd.joined === sockets, { withinMs: joinWithinMs, stop }),
    )
    log(`${sockets} members in their rooms after ${(tookMs / 1000).toFixed(1)} s`)
  } finally {
    clearInterval(ticker)
  }
}

/** Waits, up to a time limit, until every message has received a response and no delivery has arrived for a while. */
async function quiet(crowd: Crowd, { log, stop }: RunHooks): Promise<void> {
  const done = () => crowd.ledger.open === 0 && performance.now() - crowd.lastDeliveryAtMs > quietMs
  await until('quiet', done, { withinMs: quietWithinMs, stop }).catch((error: Error) =>
    log(`${error.message}: ${crowd.ledger.open} without an answer`),
  )
  stop.throwIfAborted()
}

/** The kinds of faults in which replicas drain. */
const drainKinds: ReadonlySet<string> = new Set<PlanFaultName>(['drain', 'scale', 'rollout', 'deploy'])

/**
 * Returns how long clients were disconnected, measured from the crash of their replica or, in a drain, from the loss of their connection.
 * Milliseconds.
 */
function absences(drops: readonly Drop[], faults: readonly FaultRecord[]): { kills: number[]; drains: number[] } {
  const [kills, drains]: [number[], number[]] = [[], []]
  for (const drop of drops) {
    const fault = faultOf(drop, faults)
    const backAtMs = drop.backAtMs ?? Number.POSITIVE_INFINITY
    if (fault?.kind === 'kill') kills.push(backAtMs - fault.fromMs)
    if (fault !== undefined && drainKinds.has(fault.kind)) drains.push(backAtMs - drop.atMs)
  }
  return { kills, drains }
}

/** Returns a log function that prints only a limited number of lines. */
function limited(log: (line: string) => void, most: number): (line: string) => void {
  let left = most
  return (line) => {
    if (left-- > 0) log(line)
    else if (left === -1) log('further such lines are not shown')
  }
}
