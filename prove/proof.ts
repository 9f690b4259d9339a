/** A run with a proof report: the load, the surge and the faults, with everything that is worth knowing of them written down. */
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { paths } from '../contract/src/endpoints.ts'
import { readContainerEvents } from './container-events.ts'
import type { Report } from './core/report.ts'
import type { Crowd } from './crowd.ts'
import { readEnvironment } from './environment.ts'
import { createHistogram, record, timesIn } from './histograms.ts'
import { type Lab, pause } from './lab.ts'
import { nodeEnvironment } from './node-environment.ts'
import type { Options } from './options.ts'
import { Prober } from './prober.ts'
import { sampleReplicas } from './prometheus.ts'
import { readBenchmarks } from './report/benchmarks.ts'
import { buildReport } from './report/build.ts'
import { removalsOf } from './report/decisions.ts'
import type { Prices } from './report/prices.ts'
import type { ProofReport } from './report/schema.ts'
import { type Opened, run } from './run.ts'
import type { RunningScaler } from './scaler.ts'
import { type Surge, surge } from './surge.ts'

const benchmarks = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))

/** Length of the normal load, and of the one ten times as high before anything else happens. */
const phaseMs = 15_000
/** Between the two, so that nothing of one is counted for the other. */
const betweenMs = 2000
const sampleEveryMs = 1000

export interface Proof {
  report: Report
  proof: ProofReport
}

export interface ProofOptions {
  options: Options
  prices: Prices
  scaler: RunningScaler | undefined
  /** As typed, for the report. */
  args: readonly string[]
  log: (line: string) => void
  /** Ends it early: it rejects with the reason. */
  stop: AbortSignal
}

/** @param numbers of the replicas that run */
export async function proveAndReport(lab: Lab, numbers: readonly number[], proofOptions: ProofOptions): Promise<Proof> {
  const { options, prices, args, log, stop } = proofOptions
  const watch = new Watch(lab, options, proofOptions)
  try {
    const report = await run(lab, options, numbers, {
      ...{ log, stop },
      onDelivered: (tookMs) => watch.delivered(tookMs),
      opening: (crowd) => watch.opening(crowd),
    })
    await watch.end()
    const window = [watch.startedAtMs, watch.startedAtMs + report.seconds * 1000] as const
    const scaled = await watch.scaled(numbers)
    const { handshakes = 0, failedDials = 0, timedOutDials = 0 } = report.figures.clients
    const { guests } = watch.told
    const proof = buildReport({
      ...{ report, window, prices, scaled, guests: options.sockets, probes: watch.prober.probes, delivery: watch.delivery() },
      handshakes: {
        attempts: handshakes + failedDials + guests.attempts,
        succeeded: handshakes - timedOutDials + guests.succeeded,
      },
      load: watch.load.filter(({ atSeconds }) => atSeconds <= report.seconds),
      sampled: await sampleReplicas(lab.prometheus, window),
      benchmarks: readBenchmarks(readFileSync(benchmarks, 'utf8')),
      environment: await readEnvironment(lab.project, options.seed, args, watch.loadAtStart),
    })
    return { report, proof }
  } finally {
    await watch.end()
  }
}

/** Everything that is written down while a run goes on. */
class Watch {
  readonly prober: Prober
  readonly load: ProofReport['load'] = []
  readonly loadAtStart = loadavg()[0] ?? 0
  private readonly beganAtMs = Date.now()
  /** Wall-clock time at which the run's own clock began. */
  startedAtMs = 0
  private readonly lab: Lab
  private readonly options: Options
  private readonly scaler: RunningScaler | undefined
  private readonly log: (line: string) => void
  private readonly stop: AbortSignal
  private readonly containers: ReturnType<typeof readContainerEvents>
  private readonly times = { all: createHistogram(), normal: createHistogram(), tenTimes: createHistogram() }
  private phase: 'normal' | 'tenTimes' | 'other' = 'other'
  private deliveries = 0
  private guests: Crowd | undefined
  private surge: Surge | undefined
  private ticker: NodeJS.Timeout | undefined

  constructor(lab: Lab, options: Options, { scaler, log, stop }: ProofOptions) {
    this.lab = lab
    this.options = options
    this.scaler = scaler
    this.log = log
    this.stop = stop
    this.prober = new Prober(lab.entry + paths.ws)
    this.containers = readContainerEvents(lab.project, log)
  }

  get told(): { guests: Surge['handshakes'] } {
    return { guests: this.surge?.handshakes ?? { attempts: 0, succeeded: 0 } }
  }

  delivered(tookMs: number): void {
    this.deliveries++
    record(this.times.all, tookMs)
    if (this.phase !== 'other') record(this.times[this.phase], tookMs)
  }

  delivery(): Parameters<typeof buildReport>[0]['delivery'] {
    const { all, normal, tenTimes } = this.times
    return { all: timesIn(all), normal: timesIn(normal), tenTimes: timesIn(tenTimes) }
  }

  /** The load: a tenth of it, all of it, with guests as well; then it goes on while the faults take place. */
  async opening(crowd: Crowd): Promise<Opened> {
    this.startedAtMs = Date.now()
    this.sampleLoad(crowd)
    this.prober.start()
    const { rate, sockets, rooms, seed } = this.options
    this.log(`the normal load: ${rate / 10} messages per second`)
    crowd.start(rate / 10)
    await this.during('normal')
    crowd.stop()
    await this.wait(betweenMs)
    this.log(`ten times as much: ${rate} messages per second`)
    crowd.start(rate)
    await this.wait(betweenMs)
    await this.during('tenTimes')
    const done = await surge({
      ...{ lab: this.lab, scaler: this.scaler, log: this.log, stop: this.stop },
      guests: {
        ...{ environment: nodeEnvironment, dialsPerSecond: 100, url: this.lab.entry + paths.ws, sockets, rooms, seed: seed + 1 },
        ...{ run: `guests-${this.startedAtMs.toString(36)}`, onCrossed: () => {}, onStored: () => {}, log: () => {} },
      },
      onGuests: (guests) => {
        this.guests = guests
      },
    })
    this.surge = done
    if (this.scaler !== undefined) {
      this.log('the scaler is paused: what breaks from now on is started again by the run')
      await this.scaler.pause()
      // Not before: what it does is in its log when it is done.
      done.faults.push(...removalsOf((await this.scaler.decisions(this.beganAtMs)).decisions))
    }
    // Numbers go on after those of the members.
    const drops = done.guests.ledger.drops.map((drop) => ({ ...drop, member: drop.member + sockets }))
    return { numbers: await this.lab.replicas(), faults: done.faults, drops, breaches: done.guests.connections.breaches }
  }

  /** What came and went, and who decided so. @param numbers of the replicas that ran at the beginning */
  async scaled(numbers: readonly number[]): Promise<Parameters<typeof buildReport>[0]['scaled']> {
    const heard = await this.scaler?.decisions(this.startedAtMs)
    return {
      ...{ by: this.scaler === undefined ? 'run' : 'scaler', timeScale: this.scaler?.timeScale ?? null },
      ...{ events: this.containers.events, demands: this.surge?.demands ?? [] },
      synchronisations: heard?.synchronisations ?? 0,
      decisions: heard?.decisions ?? this.surge?.decisions ?? [],
      atStart: numbers.map((number) => `ws-${number}`),
    }
  }

  /** Stops watching. A second time it does nothing. */
  async end(): Promise<void> {
    clearInterval(this.ticker)
    await Promise.all([this.prober.stop(), this.containers.stop()])
  }

  private async during(phase: 'normal' | 'tenTimes'): Promise<void> {
    this.phase = phase
    await this.wait(phaseMs)
    this.phase = 'other'
  }

  private async wait(ms: number): Promise<void> {
    await pause(ms, this.stop)
    this.stop.throwIfAborted()
  }

  private sampleLoad(crowd: Crowd): void {
    let [before, beforeMs] = [this.deliveries, this.startedAtMs]
    const sample = () => {
      const nowMs = Date.now()
      const seconds = (nowMs - beforeMs) / 1000
      this.load.push({
        atSeconds: Math.round((nowMs - this.startedAtMs) / 10) / 100,
        sockets: crowd.ready + (this.guests?.ready ?? 0),
        deliveredPerSecond: seconds > 0 ? Math.round((this.deliveries - before) / seconds) : 0,
      })
      ;[before, beforeMs] = [this.deliveries, nowMs]
    }
    sample()
    this.ticker = setInterval(sample, sampleEveryMs)
  }
}
