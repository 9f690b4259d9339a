/** The embedded lab: replicas, router, scaler and load as one thing that can be started, looked at, acted on, and ended. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { paths } from '@lab/contract/endpoints.ts'
import { systemClock } from '../../scaler/src/adapters/system-clock.ts'
import { defaultScaleUp } from '../../scaler/src/core/defaults.ts'
import type { ControllerOptions, HorizontalPodAutoscaler } from '../../scaler/src/core/types.ts'
import { defaultControllerOptions } from '../../scaler/src/core/types.ts'
import { DecisionLog, decisionLogPath } from '../../scaler/src/decision-log.ts'
import { initialState, type LoopPorts, runLoop } from '../../scaler/src/loop.ts'
import type { TickRecord } from '../../scaler/src/record.ts'
import { Chaos } from './chaos.ts'
import { type Guard, startGuard } from './guard.ts'
import { type Load, maxSockets, startLoad } from './load.ts'
import { Network } from './network.ts'
import { processTarget, scrapeSource } from './process-target.ts'
import { Replicas } from './replicas.ts'
import { type Router, startRouter } from './router.ts'
import { type Snapshot, snapshotOf } from './snapshot.ts'
import { decisionWords } from './words.ts'

export interface LabSettings {
  replicas: number
  /** Port of the entry; 0 takes a free one. */
  port: number
  hpa: HorizontalPodAutoscaler
  timeScale: number
  /** Folder of the decision log. */
  stateFolder: string
  /** Valkey, when there is one: replicas then share rooms and sessions. */
  valkeyUrl?: string
  say: (line: string) => void
}

/** A drain here is quick: the router asks twice a second, and nobody scrapes but us. Milliseconds. */
const drainDelayMs = 1_000
const drainTimeoutMs = 10_000
/** Decisions that are told of beyond the last one. */
const maxDecisions = 20
/** Lines that the page shows. */
const maxEvents = 50
/** How long replicas may take to reach their store. Milliseconds. */
const storeWithinMs = 5_000
/** The scaler begins when every replica has been measured, or after this long. Milliseconds. */
const measuredWithinMs = 5_000
/** A replica that is new is not asked for its CPU for so long, by the scaler's clock: it starts in a second. Seconds. */
const cpuInitializationPeriodSeconds = 30

export class Lab {
  readonly entryPort: number
  readonly chaos: Chaos
  private readonly settings: LabSettings
  private readonly replicas: Replicas
  private readonly router: Router
  private readonly load: Load
  private readonly guard: Guard
  private readonly note: (text: string) => void
  private readonly stop = new AbortController()
  private readonly scaling: Promise<void>
  private readonly events: { time: number; text: string }[]
  private hpa: HorizontalPodAutoscaler
  private paused = false
  private readonly records: TickRecord[] = []

  /** Starts everything; resolves when replicas are ready and the entry is open. Rejects with one line for a person when that can't be. */
  static async start(settings: LabSettings, progress: (step: string) => void): Promise<Lab> {
    const events: Lab['events'] = []
    const note = (text: string) => {
      // The scaler says at each synchronisation what still holds.
      if (events.at(-1)?.text === text) return
      events.push({ time: Date.now(), text })
      if (events.length > maxEvents) events.shift()
      settings.say(text)
    }
    const env: Record<string, string> = {
      DRAIN_DELAY: String(drainDelayMs),
      DRAIN_TIMEOUT: String(drainTimeoutMs),
      LAST_SCRAPE_TIMEOUT: '1500',
      HEARTBEAT_INTERVAL: '10000',
      LOG_LEVEL: 'info',
      RESUME_SECRET: randomBytes(32).toString('hex'),
      ...(settings.valkeyUrl && { VALKEY_URL: settings.valkeyUrl }),
    }
    const guard = startGuard(note)
    const network = new Network()
    const isCut = (id: string) => network.isCut(id)
    const replicas = new Replicas({ env, drainTimeoutMs, say: note, isCut, onSpawn: guard.watch })
    try {
      progress(`starting ${settings.replicas} replicas`)
      await replicas.add(settings.replicas)
      if (settings.valkeyUrl !== undefined) await isShared(replicas, settings.valkeyUrl)
      progress('opening the entry')
      const router = await startRouter(settings.port, () => replicas.list(), network, note)
      return new Lab(settings, { replicas, router, network, events, note, guard })
    } catch (error) {
      await replicas.end(true)
      guard.end()
      throw error
    }
  }

  private constructor(
    settings: LabSettings,
    parts: { replicas: Replicas; router: Router; network: Network; events: Lab['events']; note: (text: string) => void; guard: Guard },
  ) {
    this.settings = settings
    this.replicas = parts.replicas
    this.router = parts.router
    this.events = parts.events
    this.hpa = settings.hpa
    this.entryPort = parts.router.port
    this.guard = parts.guard
    this.note = parts.note
    this.chaos = new Chaos(parts.replicas, parts.network, parts.note)
    this.load = startLoad(`ws://127.0.0.1:${this.entryPort}${paths.ws}`, parts.note, parts.guard.watch)
    this.scaling = this.scale()
  }

  snapshot(): Snapshot {
    return snapshotOf({
      replicas: this.replicas.list(),
      starting: this.replicas.starting(),
      record: this.records.at(-1) ?? null,
      hpa: this.hpa,
      paused: this.paused,
      timeScale: this.settings.timeScale,
      load: this.load.report(),
      openThroughRouter: this.router.open(),
      events: this.events,
      shared: this.settings.valkeyUrl !== undefined,
    })
  }

  /** The last decisions, the newest last. */
  decisions(): { time: string; current: number | null; desired: number; reason: string; text: string }[] {
    return this.records.map((record) => {
      const { currentReplicas, desiredReplicas, rescaleReason } = record.decision
      const text = decisionWords(record)
      return { time: record.time, current: currentReplicas, desired: desiredReplicas, reason: rescaleReason, text }
    })
  }

  setLoad(sockets: number): void {
    const wanted = Math.max(0, Math.min(maxSockets, Math.round(sockets)))
    this.note(`load: ${wanted} sockets`)
    this.load.want(wanted)
  }

  /** Ends a replica on the spot. Resolves when it is gone. */
  kill(id: string): Promise<void> {
    this.note(`${id} is killed, as by a crash`)
    return this.replicas.kill([id])
  }

  /** Asks a replica to leave. Resolves when it is gone. */
  async drain(id: string): Promise<void> {
    this.note(`${id} is asked to leave`)
    await this.replicas.drain([id])
    this.note(`${id} has left`)
  }

  pause(paused: boolean): void {
    this.note(paused ? 'the scaler is paused: it decides, and does nothing' : 'the scaler goes on')
    this.paused = paused
  }

  /** Sets the target of the connections metric: the average that a replica shall have. */
  setTarget(connections: number): void {
    this.note(`the HPA's target is ${connections} connections for each replica now`)
    const metrics = this.hpa.metrics.map((metric) =>
      metric.type === 'Pods' && metric.metric.name === 'websocket_connections_active'
        ? { ...metric, target: { ...metric.target, averageValueMilli: connections * 1000 } }
        : metric,
    )
    this.hpa = { ...this.hpa, metrics } as HorizontalPodAutoscaler
  }

  /** How the scaler takes replicas away from now on; null: as its file says. */
  setScaleDown(rules: { windowSeconds: number; pods: number; periodSeconds: number } | null): void {
    const { behavior } = this.settings.hpa
    if (rules === null) {
      this.note('the scaler goes down as its file says again')
      // A file may leave it out, which is not the same as an empty one.
      const { behavior: _changed, ...others } = this.hpa
      this.hpa = { ...others, ...(behavior && { behavior }) }
      return
    }
    const { windowSeconds, pods, periodSeconds } = rules
    this.note(`the scaler goes down by ${pods} in ${periodSeconds} s now, after a window of ${windowSeconds} s`)
    const policies = [{ type: 'Pods', value: pods, periodSeconds }] as const
    const scaleDown = { stabilizationWindowSeconds: windowSeconds, selectPolicy: 'Max', policies } as const
    this.hpa = { ...this.hpa, behavior: { scaleUp: defaultScaleUp, ...behavior, scaleDown } }
  }

  /** Has so many replicas, as somebody who scales by hand. Resolves when they are ready, or gone. */
  async setReplicas(count: number): Promise<void> {
    this.note(`by hand: ${count} replicas`)
    await processTarget(this.replicas).scaleTo(count, [], this.stop.signal)
  }

  /** Drains and ends everything; at once when asked to, and for what hangs. */
  async end(atOnce: boolean): Promise<void> {
    this.stop.abort()
    this.chaos.end()
    await this.load.end()
    await this.replicas.end(atOnce)
    await this.router.close()
    if (!atOnce) await this.scaling
    this.guard.end()
  }

  private async scale(): Promise<void> {
    await this.measured()
    const { note } = this
    const { timeScale, stateFolder } = this.settings
    const controller: ControllerOptions = { ...defaultControllerOptions, cpuInitializationPeriodSeconds }
    const log = new DecisionLog(decisionLogPath(stateFolder))
    const ports: LoopPorts = {
      clock: systemClock,
      specification: async () => ({ hpa: this.hpa }),
      metrics: scrapeSource(this.replicas, systemClock.nowSeconds, () => this.chaos.isBlind),
      target: processTarget(this.replicas),
      isPaused: async () => this.paused,
      write: async (record) => {
        this.records.push(record)
        if (this.records.length > maxDecisions) this.records.shift()
        await log.append(record).catch((error: unknown) => note(`the decision log cannot be written: ${String(error)}`))
      },
      say: note,
    }
    await runLoop({ hpa: this.hpa, controller, timeScale, dryRun: false }, ports, initialState, this.stop.signal)
  }

  /** A rate takes two readings: a scaler that asks sooner is told of a failure that is none. */
  private async measured(): Promise<void> {
    const until = performance.now() + measuredWithinMs
    const isMeasured = () => this.replicas.list().every(({ readings }) => readings.rate('cpuSeconds', 10) !== undefined)
    while (!isMeasured() && performance.now() < until && !this.stop.signal.aborted) await sleep(100)
  }
}

/** Replicas work on without their store; a lab that is asked for one should not begin so. Rejects when they don't reach it. */
async function isShared(replicas: Replicas, url: string): Promise<void> {
  const until = performance.now() + storeWithinMs
  while (!replicas.list().every(({ readings }) => readings.last?.storeUp)) {
    // Without its password.
    if (performance.now() > until) throw new Error(`--valkey ${new URL(url).host}: does not answer the replicas, or lets nobody in`)
    await sleep(100)
  }
}
