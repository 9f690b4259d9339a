/** The embedded lab starts, controls and stops the replicas, the router, the scaler and the load, and reports their state. */
import { randomBytes } from 'node:crypto'
import { type EmbeddedSnapshot, type EmbeddedState, embeddedBounds } from '@lab/contract/embedded-api.ts'
import { paths } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { until } from '@lab/host/until.ts'
import { type Load, startLoad } from '@lab/live/load.ts'
import { systemClock } from '@lab/scaler/adapters/system-clock.ts'
import { defaultScaleUp } from '@lab/scaler/core/defaults.ts'
import type { ControllerOptions, HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import { defaultControllerOptions } from '@lab/scaler/core/types.ts'
import { DecisionLog, decisionLogPath } from '@lab/scaler/decision-log.ts'
import { initialState, type LoopPorts, runLoop, type Specification } from '@lab/scaler/loop.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { decisionWords } from '@lab/scaler/views/sentence.ts'
import { Disturbances } from './disturbances.ts'
import { type Guard, startGuard } from './guard.ts'
import { Network } from './network.ts'
import { type ProcessTarget, processTarget, scrapeSource } from './process-target.ts'
import { Replicas } from './replicas.ts'
import { Rollout } from './rollout.ts'
import { type Router, startRouter } from './router.ts'
import { snapshotOf } from './snapshot.ts'

export interface LabSettings {
  replicas: number
  /** Port of the lab's client endpoint; 0 selects any free port. */
  port: number
  hpa: HorizontalPodAutoscaler
  /** Rereads the HPA file before each sync. Never rejects. */
  reread: () => Promise<Specification>
  timeScale: number
  /** The folder that contains the scaler's decision log. */
  stateFolder: string
  /** Address of the Valkey instance through which replicas share rooms and sessions; undefined without a shared store. */
  valkeyUrl?: string
  say: (line: string) => void
  /** Origins of other websites that may send requests to the lab's endpoint. */
  allowedOrigins?: readonly string[]
}

/**
 * Replicas of the embedded lab can drain quickly: the router notices unready replicas within half a second, and Prometheus does not scrape
 * them. Milliseconds.
 */
const drainDelayMs = 1_000
const drainTimeoutMs = 10_000
/** Number of decisions that the lab keeps in memory. */
const maxDecisions = 20
/** Number of log lines that the live page shows. */
const maxEvents = 50
/** How long the lab waits for the replicas to connect to their store. Milliseconds. */
const storeWithinMs = 5_000
/** The scaler starts once the lab can compute every replica's CPU usage, or after this timeout. Milliseconds. */
const measuredWithinMs = 5_000
/**
 * How long the scaler ignores a new replica's CPU usage, in seconds on the scaler's clock. The CPU initialization period is 30 s in the
 * embedded lab, instead of five minutes as in Kubernetes, because the embedded lab's replicas start within a second.
 */
const cpuInitializationPeriodSeconds = 30

export class Lab {
  readonly entryPort: number
  readonly disturbances: Disturbances
  readonly rollout: Rollout
  private readonly settings: LabSettings
  private readonly replicas: Replicas
  private readonly target: ProcessTarget
  private readonly router: Router
  private readonly load: Load
  private readonly guard: Guard
  private readonly note: (text: string) => void
  private readonly stop = new AbortController()
  private readonly scaling: Promise<void>
  private readonly events: { time: number; text: string }[]
  /** The HPA as last read from its file. */
  private file: HorizontalPodAutoscaler
  /** The HPA in use: the one from the file, with the changes made on the live page. */
  private hpa: HorizontalPodAutoscaler
  private paused = false
  private readonly records: TickRecord[] = []

  /** Resolves when the replicas are ready and the endpoint accepts connections. Rejects with a one-line message if the lab cannot start. */
  static async start(settings: LabSettings, progress: (step: string) => void): Promise<Lab> {
    const events: Lab['events'] = []
    const note = (text: string) => {
      // The scaler reports an unchanged condition again at each sync, but one log line is enough.
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
      const router = await startRouter(settings.port, () => replicas.serving(), network, note, settings.allowedOrigins)
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
    this.target = processTarget(parts.replicas)
    this.router = parts.router
    this.events = parts.events
    this.file = settings.hpa
    this.hpa = settings.hpa
    this.entryPort = parts.router.port
    this.guard = parts.guard
    this.note = parts.note
    this.disturbances = new Disturbances(parts.replicas, parts.network, parts.note)
    this.rollout = new Rollout(parts.replicas, this.target, parts.note, this.stop.signal)
    this.load = startLoad(`ws://127.0.0.1:${this.entryPort}${paths.ws}`, parts.note, parts.guard.watch)
    this.scaling = this.scale()
  }

  snapshot(): EmbeddedSnapshot {
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
      rollout: this.rollout.words,
      storeUrl: this.settings.valkeyUrl ?? null,
    })
  }

  /** The scaler's most recent decisions, oldest first. */
  decisions(): EmbeddedState['decisions'] {
    return this.records.map((record) => {
      const { currentReplicas, desiredReplicas, rescaleReason } = record.decision
      const text = decisionWords(record)
      return { time: record.time, current: currentReplicas, desired: desiredReplicas, reason: rescaleReason, text }
    })
  }

  /** The folder that contains the scaler's decision log. */
  get stateFolder(): string {
    return this.settings.stateFolder
  }

  setLoad(sockets: number): void {
    const wanted = Math.max(0, Math.min(embeddedBounds.sockets.max, Math.round(sockets)))
    this.note(`load: ${wanted} sockets`)
    this.load.want(wanted)
  }

  /** Kills a replica with SIGKILL. Resolves once the replica's process has exited. */
  kill(id: string): Promise<void> {
    this.note(`${id} is killed, as by a crash`)
    return this.replicas.kill([id])
  }

  /** Drains a replica by sending it SIGTERM. Resolves once the replica's process has exited. */
  async drain(id: string): Promise<void> {
    this.note(`${id} starts to drain`)
    await this.replicas.drain([id])
    this.note(`${id} has left`)
  }

  pause(paused: boolean): void {
    this.note(paused ? 'the scaler is paused: it decides, but does not scale' : 'the scaler scales again')
    this.paused = paused
  }

  /** Sets the HPA's target for the average number of connections per replica. */
  setTarget(connections: number): void {
    this.note(`the HPA's target is ${connections} connections per replica now`)
    const specs = this.hpa.metrics.map((metric) =>
      metric.type === 'Pods' && metric.metric.name === metrics.connectionsActive.name
        ? { ...metric, target: { ...metric.target, averageValueMilli: connections * 1000 } }
        : metric,
    )
    this.hpa = { ...this.hpa, metrics: specs } as HorizontalPodAutoscaler
  }

  /** Replaces the HPA's scale-down rules; null restores the rules from the HPA file. */
  setScaleDown(rules: { windowSeconds: number; pods: number; periodSeconds: number } | null): void {
    const { behavior } = this.file
    if (rules === null) {
      this.note('the scaler uses the scale-down rules of its file again')
      // If the HPA file has no `behavior`, the default scaling rules apply; these differ from the rules for an empty `behavior`.
      const { behavior: _changed, ...others } = this.hpa
      this.hpa = { ...others, ...(behavior && { behavior }) }
      return
    }
    const { windowSeconds, pods, periodSeconds } = rules
    this.note(`scale-down now removes ${pods} per ${periodSeconds} s, after a window of ${windowSeconds} s`)
    const policies = [{ type: 'Pods', value: pods, periodSeconds }] as const
    const scaleDown = { stabilizationWindowSeconds: windowSeconds, selectPolicy: 'Max', policies } as const
    this.hpa = { ...this.hpa, behavior: { scaleUp: defaultScaleUp, ...behavior, scaleDown } }
  }

  /**
   * Sets the number of replicas manually. Resolves when the added replicas are ready and the removed replicas have exited. During a
   * rollout, this method only passes the number to the rollout, and resolves at once.
   */
  async setReplicas(count: number): Promise<void> {
    this.note(`scaled by hand to ${count} replicas`)
    const rollout = await this.rollout.read()
    if (rollout === undefined) await this.target.scaleTo(count, [], this.stop.signal)
    else await this.rollout.write({ ...rollout, replicas: count })
  }

  /**
   * Drains the replicas and ends the lab. With `atOnce`, kills the replicas instead of draining them, and does not wait until the scaler
   * has stopped.
   */
  async end(atOnce: boolean): Promise<void> {
    this.stop.abort()
    this.disturbances.endAll()
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
      specification: () => this.specification(),
      metrics: scrapeSource(this.replicas, systemClock.nowSeconds, () => this.disturbances.isBlind),
      target: this.target,
      isPaused: async () => this.paused,
      rollout: this.rollout,
      write: async (record) => {
        this.records.push(record)
        if (this.records.length > maxDecisions) this.records.shift()
        await log.append(record).catch((error: unknown) => note(`the decision log cannot be written: ${String(error)}`))
      },
      // Requests that fail while the lab is shutting down are not logged as errors.
      say: (line) => {
        if (!this.stop.signal.aborted) note(line)
      },
    }
    await runLoop({ hpa: this.hpa, controller, timeScale, dryRun: false }, ports, initialState, this.stop.signal)
  }

  /** Returns the HPA in use. If its file has changed, the file's settings replace those that were changed on the live page. */
  private async specification(): Promise<Specification> {
    const { hpa, refused } = await this.settings.reread()
    if (JSON.stringify(hpa) !== JSON.stringify(this.file)) {
      this.file = hpa
      this.hpa = hpa
    }
    return { hpa: this.hpa, ...(refused !== undefined && { refused }) }
  }

  /** The scaler can compute rates only after two scrapes. If the scaler started before the second scrape, it would log missing metrics. */
  private async measured(): Promise<void> {
    const isMeasured = () => this.replicas.list().every(({ scrapes }) => scrapes.rate('cpuSeconds', 10) !== undefined)
    const bounds = { withinMs: measuredWithinMs, everyMs: 100, stop: this.stop.signal }
    // If some replicas' CPU usage cannot be computed in time, the scaler starts anyway, and its first decisions report the missing metrics.
    await until('every replica is measured', isMeasured, bounds).catch((error: Error) => {
      if (!this.stop.signal.aborted) this.note(error.message)
    })
  }
}

/**
 * Resolves when every replica has connected to the store; readiness is not sufficient, because replicas become ready even without the
 * store.
 */
async function isShared(replicas: Replicas, url: string): Promise<void> {
  const reached = () => replicas.list().every(({ scrapes }) => scrapes.last?.storeUp)
  await until('every replica reaches the store', reached, { withinMs: storeWithinMs, everyMs: 100 }).catch(() => {
    // The message names only the host of the store, because the URL may contain a password.
    throw new Error(`--valkey ${new URL(url).host}: does not answer the replicas, or refuses their password`)
  })
}
