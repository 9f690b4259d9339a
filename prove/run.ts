/** One run: members send, faults happen, everything is written down and judged. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { paths } from '../contract/src/endpoints.ts'
import { type FaultRecord, faultOf } from './core/drops.ts'
import { planFaults } from './core/fault-plan.ts'
import { type Report, type Times, timesOf } from './core/report.ts'
import { judge } from './core/verdict.ts'
import { Crowd } from './crowd.ts'
import { beginRecord, doFault } from './faults.ts'
import type { Lab } from './lab.ts'
import { until } from './lab.ts'
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

interface Progress {
  log: (line: string) => void
}

/** @param numbers of the replicas that run all the time */
export async function run(lab: Lab, options: Options, numbers: readonly number[], { log }: Progress): Promise<Report> {
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
    log: limited(log, 200),
  })
  const reader = await readRoomLog(lab, runName)
  crowd.connect()
  await allIn(crowd, options.sockets, log)

  const startedAtMs = performance.now()
  const atSeconds = () => (performance.now() - startedAtMs) / 1000
  const durationMs = options.minutes * 60_000
  const plan = planFaults({ ...options, kinds: options.faults, durationMs, replicas: numbers.length })
  const reported: Report['faults'][number][] = []
  const ticker = setInterval(() => {
    const { sent, open, drops } = crowd.ledger
    log(
      `${atSeconds().toFixed(0)} s: ${sent.length} sent, ${open} open, ${drops.length} moved or lost, ${reported.length}/${plan.length} faults, ${crowd.ready} ready`,
    )
  }, progressEveryMs)
  crowd.start(options.rate)
  try {
    for (const fault of plan) {
      // On a slow machine faults take longer than planned; the run does not.
      if (performance.now() - startedAtMs > durationMs) break
      await sleep(Math.max(0, startedAtMs + fault.atMs - performance.now()))
      const hit = { ...fault, replica: fault.replica === undefined ? undefined : numbers[fault.replica - 1] }
      const at = atSeconds()
      const entry = beginRecord(hit)
      faults.push(entry)
      calmFromMs = Number.POSITIVE_INFINITY
      await doFault(lab, hit, entry)
      calmFromMs = performance.now() + calmAfterMs
      const { kind, replica, happened, detail } = entry
      reported.push({ atSeconds: at, kind, replica, happened, detail })
      log(`${at.toFixed(0)} s: ${kind} ${replica ?? ''} ${happened ? '' : 'DID NOT HAPPEN '}${detail}`)
    }
    await sleep(Math.max(0, startedAtMs + durationMs - performance.now()))
  } finally {
    crowd.stop()
    clearInterval(ticker)
  }
  const seconds = atSeconds()
  if (reported.length < plan.length) log(`${plan.length - reported.length} of ${plan.length} faults left out: no time`)
  await quiet(crowd, log)
  await reader.finish()
  const clients = crowd.stats()
  crowd.end()
  const { ledger, connections } = crowd
  const verdict = judge({ ledger, log: reader.entries, faults, required: options.faults, wire: connections.breaches })
  const kills = ledger.drops.flatMap((drop) => {
    const fault = faultOf(drop, faults)
    return fault?.kind === 'kill' ? [(drop.backAtMs ?? Number.POSITIVE_INFINITY) - fault.fromMs] : []
  })
  return {
    ...{ verdict, options, seconds, planned: plan.length, faults: reported, startedAt: started.toISOString() },
    figures: {
      reconnectAfterKillMs: timesOf(kills),
      drainMs: timesOf(faults.flatMap(({ tookMs }) => (tookMs === undefined ? [] : [tookMs]))),
      crossReplicaMs: timesIn(times.crossedCalm),
      crossReplicaUnderFaultsMs: timesIn(times.crossed),
      storedMs: timesIn(times.stored),
      clients,
    },
  }
}

/** Waits until every member has been let into its rooms; some may be moving already. */
async function allIn(crowd: Crowd, sockets: number, log: (line: string) => void): Promise<void> {
  const ticker = setInterval(
    () => log(`${crowd.joined} of ${sockets} members in their rooms, ${crowd.ready} of them connected`),
    progressEveryMs,
  )
  try {
    const tookMs = await until(`${sockets} members in their rooms`, async () => crowd.joined === sockets, joinWithinMs)
    log(`${sockets} members in their rooms after ${(tookMs / 1000).toFixed(1)} s`)
  } finally {
    clearInterval(ticker)
  }
}

/** Lets stragglers arrive: until every message has its answer and nothing has come for a while, within the bound. */
async function quiet(crowd: Crowd, log: (line: string) => void): Promise<void> {
  const done = async () => crowd.ledger.open === 0 && performance.now() - crowd.lastDeliveryAtMs > quietMs
  await until('quiet', done, quietWithinMs).catch((error: Error) => log(`${error.message}: ${crowd.ledger.open} without an answer`))
}

/** Histograms count whole microseconds. */
function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)))
}

function timesIn(histogram: RecordableHistogram): Times {
  const at = (percentile: number) => histogram.percentile(percentile) / 1000
  return { count: histogram.count, p50: at(50), p99: at(99), max: histogram.max / 1000 }
}

/** Passes on so many lines and no more. */
function limited(log: (line: string) => void, most: number): (line: string) => void {
  let left = most
  return (line) => {
    if (left-- > 0) log(line)
    else if (left === -1) log('further such lines are not shown')
  }
}
