/** Performs a run with a proof report: applies the normal load, the surge and the faults, and records all data that the report needs. */
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { nodeEnvironment } from '@lab/client/node.ts'
import { services } from '@lab/contract/endpoints.ts'
import { root } from '@lab/host/root.ts'
import { pause } from '@lab/host/until.ts'
import { socketAddress } from '@lab/lab/entry.ts'
import type { FoundLab } from '@lab/lab/find.ts'
import type { LabScaler, LabStore, LocalKind } from '@lab/lab/lab.ts'
import type { ScalerHold } from '@lab/lab/scaler-hold.ts'
import type { Crowd } from '@lab/ledger/crowd.ts'
import { decisionLogPath, ofService, readDecisionLog } from '@lab/scaler/decision-log.ts'
import { decisionWords } from '@lab/scaler/views/sentence.ts'
import type { Report } from './core/report.ts'
import { readEnvironment } from './environment.ts'
import { createHistogram, record, timesIn } from './histograms.ts'
import type { Options } from './options.ts'
import { Prober } from './prober.ts'
import { readBenchmarks } from './report/benchmarks.ts'
import { buildReport } from './report/build.ts'
import { decisionsOf, removalsOf } from './report/decisions.ts'
import type { Prices } from './report/prices.ts'
import type { ScaleDecision } from './report/scaling.ts'
import type { ProofReport } from './report/schema.ts'
import { type Prelude, run } from './run.ts'
import { sampleReplicas } from './samples.ts'
import { type Surge, surge } from './surge.ts'

const benchmarks = join(root, 'docs/benchmarks.md')

/** Duration of the normal load, and of the tenfold load that follows it. */
const phaseMs = 15_000
/** Pause between two phases, so that one phase's late deliveries are not counted in the next phase. */
const betweenMs = 2000
const sampleEveryMs = 1000

export interface Proof {
  report: Report
  proof: ProofReport
}

export interface ProofOptions {
  store: LabStore
  options: Options
  prices: Prices
  /** The scaler that makes the decisions during the surge; if undefined, the run itself changes the number of replicas. */
  scaler: LabScaler | undefined
  hold: ScalerHold
  /** Command-line arguments as typed, for the report. */
  args: readonly string[]
  log: (line: string) => void
  /** Signal that aborts the run, which then rejects with the signal's abort reason. */
  stop: AbortSignal
}

export async function proveAndReport(lab: FoundLab<LocalKind>, proofOptions: ProofOptions): Promise<Proof> {
  const { store, options, prices, scaler, hold, args, log, stop } = proofOptions
  const beganAtMs = Date.now()
  const loadAtStart = loadavg()[0] ?? 0
  const { sockets, rooms, rate, seed } = options
  const atStart = (await lab.replicas()).map(({ name }) => name)
  const prober = new Prober(socketAddress(lab))
  const replicas = lab.watchReplicas(log)
  const deliveries = new Deliveries()
  const load = new LoadCurve()
  /** Time at which the run's clock was started. */
  let startedAtMs = beganAtMs
  let surged: Surge | undefined

  const wait = async (ms: number) => {
    await pause(ms, stop)
    stop.throwIfAborted()
  }

  /**
   * Applies the load at a tenth of the configured message rate, then at the full rate, and then with additional clients. The load continues
   * during the faults.
   */
  const prelude = async (crowd: Crowd): Promise<Prelude> => {
    let more: Crowd | undefined
    startedAtMs = Date.now()
    load.begin(startedAtMs, () => ({ sockets: crowd.ready + (more?.ready ?? 0), delivered: deliveries.count }))
    prober.start()
    log(`the normal load: ${rate / 10} messages per second`)
    crowd.start(rate / 10)
    await deliveries.during('normal', () => wait(phaseMs))
    crowd.stop()
    await wait(betweenMs)
    log(`ten times as much: ${rate} messages per second`)
    crowd.start(rate)
    await wait(betweenMs)
    await deliveries.during('tenTimes', () => wait(phaseMs))
    const ignore = () => undefined
    surged = await surge({
      lab,
      scaler,
      log,
      stop,
      clients: {
        environment: nodeEnvironment,
        dialsPerSecond: 100,
        url: socketAddress(lab),
        sockets,
        rooms,
        seed: seed + 1,
        run: `more-${startedAtMs.toString(36)}`,
        onCrossed: ignore,
        onStored: ignore,
        log: ignore,
      },
      onClients: (clients) => {
        more = clients
      },
    })
    const faults = [...surged.faults]
    if (scaler !== undefined) {
      log('the scaler is paused: from now on the run itself restarts replicas')
      await hold.hold()
      // The decisions are read at the end, because the scaler logs a change only once it has completed the change.
      faults.push(...removalsOf((await decisionsSince(scaler, beganAtMs)).decisions))
    }
    const { ledger, connections } = surged.clients
    // The numbers of the additional clients follow on from those of the regular clients.
    const drops = ledger.drops.map((drop) => ({ ...drop, member: drop.member + sockets }))
    return { faults, drops, breaches: connections.breaches }
  }

  const end = async () => {
    load.end()
    await Promise.all([prober.stop(), replicas.stop()])
  }
  try {
    const report = await run(lab, store, options, { log, stop, onDelivered: (tookMs) => deliveries.add(tookMs), prelude })
    await end()
    const window = [startedAtMs, startedAtMs + report.seconds * 1000] as const
    const decided = scaler === undefined ? undefined : await decisionsSince(scaler, startedAtMs)
    const { handshakes = 0, failedDials = 0, timedOutDials = 0 } = report.figures.clients
    const more = surged?.handshakes ?? { attempts: 0, succeeded: 0 }
    const proof = buildReport({
      report,
      window,
      prices,
      surgeClients: sockets,
      probes: prober.probes,
      delivery: deliveries.times(),
      scaled: {
        by: scaler === undefined ? 'run' : 'scaler',
        timeScale: scaler?.timeScale ?? null,
        events: replicas.changes,
        demands: surged?.demands ?? [],
        synchronisations: decided?.synchronisations ?? 0,
        decisions: decided?.decisions ?? surged?.decisions ?? [],
        atStart,
      },
      handshakes: {
        attempts: handshakes + failedDials + more.attempts,
        succeeded: handshakes - timedOutDials + more.succeeded,
      },
      load: load.points.filter(({ atSeconds }) => atSeconds <= report.seconds),
      sampled: await sampleReplicas(lab.prometheus, window),
      benchmarks: readBenchmarks(readFileSync(benchmarks, 'utf8')),
      environment: await readEnvironment(lab, seed, args, loadAtStart),
    })
    return { report, proof }
  } finally {
    await end()
  }
}

/** Returns the scaler's decisions since a given time, and the number of its sync periods since then. Unix milliseconds. */
async function decisionsSince(scaler: LabScaler, sinceMs: number): Promise<{ decisions: ScaleDecision[]; synchronisations: number }> {
  const log = await readDecisionLog(decisionLogPath(resolve(root, scaler.stateFolder)))
  const records = log.filter(ofService(services.ws)).filter(({ time }) => Date.parse(time) >= sinceMs)
  return { decisions: decisionsOf(records, decisionWords), synchronisations: records.length }
}

/** Histograms of delivery times: one for the whole run, and one for each phase. */
class Deliveries {
  count = 0
  private readonly histograms = { all: createHistogram(), normal: createHistogram(), tenTimes: createHistogram() }
  private phase: 'normal' | 'tenTimes' | undefined

  add(tookMs: number): void {
    this.count++
    record(this.histograms.all, tookMs)
    if (this.phase !== undefined) record(this.histograms[this.phase], tookMs)
  }

  /** Runs an action, and records the deliveries during this time in the histogram of the given phase. */
  async during(phase: 'normal' | 'tenTimes', act: () => Promise<void>): Promise<void> {
    this.phase = phase
    await act()
    this.phase = undefined
  }

  times(): Parameters<typeof buildReport>[0]['delivery'] {
    const { all, normal, tenTimes } = this.histograms
    return { all: timesIn(all), normal: timesIn(normal), tenTimes: timesIn(tenTimes) }
  }
}

/** Records the number of sockets and the delivery rate once a second. */
class LoadCurve {
  readonly points: ProofReport['load'] = []
  private ticker: NodeJS.Timeout | undefined

  begin(startedAtMs: number, now: () => { sockets: number; delivered: number }): void {
    let last = { atMs: startedAtMs, delivered: now().delivered }
    const sample = () => {
      const atMs = Date.now()
      const { sockets, delivered } = now()
      const seconds = (atMs - last.atMs) / 1000
      this.points.push({
        atSeconds: Math.round((atMs - startedAtMs) / 10) / 100,
        sockets,
        deliveredPerSecond: seconds > 0 ? Math.round((delivered - last.delivered) / seconds) : 0,
      })
      last = { atMs, delivered }
    }
    sample()
    this.ticker = setInterval(sample, sampleEveryMs)
  }

  end(): void {
    clearInterval(this.ticker)
  }
}
