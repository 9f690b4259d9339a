/**
 * Plays a scene: waits for conditions, emits captions with measured numbers, and undoes every change, even after an error or an interrupt.
 * Scenes can be tested without a lab, because the lab, its faults and the clock are passed as arguments.
 */
import { createRandom, type Random } from '@lab/contract/random.ts'
import type { FaultName } from '@lab/faults/catalogue/index.ts'
import type { DecisionReading, Readings, ScaleDownRules } from '@lab/lab/lab.ts'
import type { Clock } from '@lab/scaler/ports.ts'
import type { DemoEvent, EventBody, Measured, SceneResult } from './events.ts'
import { isFigure, measure, seenText } from './figures.ts'
import type { Director, Fact, Met, Need, Scene, SceneLab } from './scene.ts'
import { attempt, type Undo, UndoStack } from './undo-stack.ts'

/**
 * Starts a fault on a single replica. Resolves with a function that ends the fault and reports each change that could not be undone, one
 * line each. Rejects if the fault could not be started; by then, the fault's partial changes have been undone.
 */
export type BeginFault = (fault: FaultName, replica: string) => Promise<() => Promise<readonly string[]>>

export interface PlayOptions {
  seed: number
  clock: Clock
  beginFault: BeginFault
  /** Called with each event of the scene; the scene waits for the returned promise before it continues. */
  onEvent: (event: DemoEvent) => void | Promise<void>
  /** Limits every observation to `shortSeconds`, for a short version of the scene. */
  short?: boolean
  /** Signal that ends the scene, whose changes are then undone. */
  signal: AbortSignal
}

export interface Played {
  verdict: SceneResult
  /** The reason for the verdict, in one line. */
  text: string
}

/** Maximum duration of an observation in a short scene. Seconds. */
const shortSeconds = 2

/** Thrown if a condition that the scene waits for is not met within its time limit. */
class Unmet extends Error {}
class Interrupted extends Error {}

/** Plays a scene to its end, and always resolves with a verdict and the reason for it, even if the scene fails. */
export async function playScene(scene: Scene, lab: SceneLab, options: PlayOptions): Promise<Played> {
  const play = new Play(lab, options)
  const { name, title } = scene
  const failure = await attempt(async () => {
    await play.emit({ kind: 'scene', name, title, on: lab.kind, seed: options.seed, timeScale: play.timeScale })
    const missing = scene.needs.find((need) => !has(lab, need))
    if (missing !== undefined) throw new Error(lacking[missing])
    await scene.play(play)
  })
  const leftovers = await play.undos.undoAll()
  const text = [failure?.message ?? 'every fact was met', ...leftovers.map((line) => `not undone: ${line}`)].join('; ')
  const verdict = resultOf(failure !== undefined, options.signal.aborted, leftovers)
  const unrecorded = await attempt(() => play.emit({ kind: 'end', verdict, text }))
  return unrecorded === undefined ? { verdict, text } : { verdict: 'failed', text: `${text}; ${unrecorded.message}` }
}

function has({ scaler, store }: SceneLab, need: Need): boolean {
  return need === 'scaler' ? scaler !== undefined : store?.set !== undefined
}

/** One-line errors for parts that the lab may lack, each with a remedy. */
const lacking: Record<Need, string> = {
  scaler: 'this lab runs without its scaler; start the scaler: ./lab up --k8s-sim',
  store: 'the store of this lab cannot be stopped: omit --page so that the scene starts its own lab, or use --on compose',
}

function resultOf(failed: boolean, aborted: boolean, leftovers: readonly string[]): SceneResult {
  if (leftovers.length > 0) return 'failed'
  if (!failed) return 'passed'
  // If the scene was interrupted, any failure is assumed to be a consequence of the interrupt.
  return aborted ? 'interrupted' : 'failed'
}

class Play implements Director {
  readonly seed
  readonly timeScale
  readonly sources
  private readonly lab: SceneLab
  private readonly clock: Clock
  private readonly beginFault: BeginFault
  private readonly onEvent: PlayOptions['onEvent']
  private readonly signal: AbortSignal
  private readonly short: boolean
  private readonly random: Random
  private readonly startedAt: number
  readonly undos = new UndoStack((text) => this.emit({ kind: 'undo', text }))
  private lastDecision: string | undefined
  private loaded = false
  private resized = false

  constructor(lab: SceneLab, { seed, clock, beginFault, onEvent, signal, short = false }: PlayOptions) {
    this.short = short
    this.timeScale = lab.scaler?.timeScale ?? 1
    this.seed = seed
    this.lab = lab
    this.sources = lab.sources
    this.clock = clock
    this.beginFault = beginFault
    this.onEvent = onEvent
    this.signal = signal
    this.random = createRandom(seed, 0)
    this.startedAt = clock.nowSeconds()
  }

  async emit(body: EventBody): Promise<void> {
    const now = this.clock.nowSeconds()
    await this.onEvent({ at: Math.round(now * 1000), seconds: tenth(now - this.startedAt), ...body } as DemoEvent)
  }

  scaled(seconds: number): number {
    return seconds / this.timeScale
  }

  near(sockets: number): number {
    return Math.floor(sockets * this.lab.steadyShare)
  }

  pick<T>(among: readonly T[]): T {
    const picked = among[Math.floor(this.random.between(0, among.length))]
    if (picked === undefined) throw new Error('pick: the list is empty')
    return picked
  }

  chapter(title: string): Promise<void> {
    return this.step({ kind: 'chapter', title })
  }

  async say(text: string, given: Readonly<Record<string, Measured>> = {}): Promise<void> {
    const names = [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
    const readings = names.some((name) => !(name in given)) ? await this.now() : undefined
    const numbers: Record<string, Measured> = {}
    for (const name of names) {
      const number = given[name] ?? (readings && isFigure(name) ? measure(name, readings, this.lab.sources) : undefined)
      if (number === undefined) throw new Error(`say: there is no figure named ${name}`)
      if (number === null) throw new Unmet(`this lab has no value for ${name} at this moment`)
      numbers[name] = number
    }
    if (/\d/.test(text.replaceAll(/\{\w+\}/g, ''))) throw new Error(`say: the text contains a number that was not measured: ${text}`)
    await this.step({ kind: 'say', text: inWords(text, (name) => numbers[name]?.value ?? Number.NaN), numbers })
  }

  note(name: string, measured: Measured): Promise<void> {
    return this.step({ kind: 'note', name, ...measured })
  }

  still(name: string): Promise<void> {
    return this.step({ kind: 'still', name })
  }

  show(views: readonly string[]): Promise<void> {
    return this.step({ kind: 'show', views: [...views] })
  }

  run(command: string, lines: readonly string[] | undefined): Promise<void> {
    return this.step({ kind: 'run', command, lines: lines === undefined ? null : [...lines] })
  }

  async hold(seconds: number): Promise<void> {
    await this.clock.sleep(seconds, this.signal)
    this.checkSignal()
  }

  async load(sockets: number): Promise<void> {
    const { loadWanted: before } = await this.now()
    await this.step({ kind: 'load', sockets, text: `load: ${sockets} sockets` })
    if (!this.loaded) this.undos.push(before === 0 ? 'the load ends' : `load: ${before} sockets again`, () => this.lab.setLoad(before))
    this.loaded = true
    await this.lab.setLoad(sockets)
  }

  async fault(name: FaultName, replica: string, text: string): Promise<Undo> {
    await this.step({ kind: 'fault', name, target: replica, text })
    // If `beginFault` rejects, the director has nothing to undo, because `beginFault` has already undone its partial changes.
    const end = await this.beginFault(name, replica)
    const undoNow = this.undos.push(`${name} of ${replica} is over`, async () => {
      const leftovers = await end()
      if (leftovers.length > 0) throw new Error(leftovers.join('; '))
    })
    this.checkSignal()
    return undoNow
  }

  async stopStore(): Promise<Undo> {
    const set = this.lab.store?.set
    if (set === undefined) throw new Error(lacking.store)
    await this.step({ kind: 'fault', name: 'valkey-down', target: 'valkey', text: 'Valkey is stopped' })
    return this.act(
      'Valkey is back',
      () => set(false),
      () => set(true),
    )
  }

  async replicas(count: number): Promise<void> {
    const before = (await this.now()).replicas.filter(({ state }) => state !== 'draining').length
    await this.step({ kind: 'action', text: `by hand: ${count} replicas` })
    if (!this.resized) this.undos.push(`${before} replicas again`, () => this.lab.scaleTo(before))
    this.resized = true
    await this.lab.scaleTo(count)
  }

  async rollOut(): Promise<Undo> {
    await this.step({ kind: 'action', text: 'a rollout begins' })
    const done = this.lab.rollOut()
    // The rollout may fail before the scene waits for it to finish, so an empty handler prevents an unhandled rejection.
    done.catch(() => undefined)
    const over = this.undos.push('the rollout is over', () => done)
    this.checkSignal()
    return over
  }

  async deployFailing(what: string, fact: Fact, withinSeconds: number): Promise<Met> {
    await this.step({ kind: 'action', text: 'a version that fails is deployed to the other colour' })
    let ended = false
    const done = this.lab.deployFailing().finally(() => {
      ended = true
    })
    // The call of `watch` may fail before the deploy ends, so an empty handler prevents an unhandled rejection of `done`.
    done.catch(() => undefined)
    const over = this.undos.push('the deploy is rolled back', () => done)
    const met = await this.watch(`${what}, until the deploy is rolled back`, withinSeconds, (readings, elapsed) => {
      if (readings !== undefined && !fact(readings)) return 'unmet'
      if (ended && readings !== undefined) return 'met'
      return elapsed >= withinSeconds ? 'unmet' : 'on'
    })
    await over()
    return met
  }

  async pauseScaler(): Promise<Undo> {
    const { scaler } = this.lab
    const { scaler: seen } = await this.now()
    if (scaler === undefined || seen?.paused === true) return async () => undefined
    await this.step({ kind: 'action', text: 'the scaler is paused' })
    return this.act(
      'the scaler goes on',
      () => scaler.pause(),
      () => scaler.resume(),
    )
  }

  async setScaleDown(rules: ScaleDownRules, text: string): Promise<Undo> {
    const { scaler } = this.lab
    if (scaler === undefined) throw new Error(lacking.scaler)
    await this.step({ kind: 'action', text })
    return this.act(
      'the scaler has its settings from before',
      () => scaler.setScaleDown(rules),
      () => scaler.setScaleDown(null),
    )
  }

  until(what: string, fact: Fact, withinSeconds: number): Promise<Met> {
    return this.watch(what, withinSeconds, (readings, elapsed) => {
      if (readings !== undefined && fact(readings)) return 'met'
      return elapsed >= withinSeconds ? 'unmet' : 'on'
    })
  }

  throughout(what: string, fact: Fact, seconds: number): Promise<Met> {
    const forSeconds = this.short ? Math.min(seconds, shortSeconds) : seconds
    return this.watch(`${what}, all the while`, forSeconds, (readings, elapsed) => {
      // An observation continues after a failed read of the lab's state, but its last read must succeed.
      if (readings !== undefined && !fact(readings)) return 'unmet'
      if (elapsed < forSeconds) return 'on'
      return readings === undefined ? 'unmet' : 'met'
    })
  }

  async now(): Promise<Readings> {
    this.checkSignal()
    const readings = await this.lab.readings()
    await this.emitDecisions(readings.decisions)
    return readings
  }

  private async watch(
    what: string,
    withinSeconds: number,
    judge: (readings: Readings | undefined, elapsed: number) => 'met' | 'unmet' | 'on',
  ): Promise<Met> {
    const within = tenth(withinSeconds)
    const since = this.clock.nowSeconds()
    for (;;) {
      const elapsed = this.clock.nowSeconds() - since
      let readings: Readings | undefined
      let seen = ''
      const failure = await attempt(async () => {
        readings = await this.now()
        seen = seenText(readings)
      })
      if (failure instanceof Interrupted) throw failure
      if (failure !== undefined) seen = failure.message
      const outcome = judge(readings, elapsed)
      if (outcome === 'met' && readings !== undefined) {
        const tookSeconds = tenth(elapsed)
        await this.step({ kind: 'fact', what, withinSeconds: within, tookSeconds, seen })
        return {
          readings,
          atSeconds: this.clock.nowSeconds(),
          took: { value: tookSeconds, unit: 's', source: `the director's clock, until: ${what}` },
        }
      }
      if (outcome === 'unmet') {
        await this.step({ kind: 'unmet', what, withinSeconds: within, seen })
        throw new Unmet(`${what}: not within ${within} s; seen: ${seen}`)
      }
      await this.clock.sleep(this.lab.readEverySeconds, this.signal)
    }
  }

  /** Registers an undo function and then runs the action, so that a partial failure is undone as well. */
  private async act(undoText: string, run: () => Promise<void>, undo: () => Promise<void>): Promise<Undo> {
    const undoNow = this.undos.push(undoText, undo)
    await run()
    this.checkSignal()
    return undoNow
  }

  private async step(body: EventBody): Promise<void> {
    this.checkSignal()
    await this.emit(body)
  }

  private checkSignal(): void {
    if (this.signal.aborted) throw new Interrupted('interrupted')
  }

  /** Emits each of the scaler's decisions once, beginning with the first decision in the readings. */
  private async emitDecisions(decisions: readonly DecisionReading[]): Promise<void> {
    for (const { time, ...decision } of decisions) {
      if (this.lastDecision !== undefined && time <= this.lastDecision) continue
      this.lastDecision = time
      await this.step({ kind: 'decision', ...decision })
    }
  }
}

const tenth = (value: number) => Math.round(value * 10) / 10

/** Replaces each `{name}` in a caption with a number, and uses the singular for the number one: "1 socket is open". */
function inWords(text: string, value: (name: string) => number): string {
  return text.replaceAll(/\{(\w+)\}(?: (socket|replica|message|session|time)s\b(?: (are|were)\b)?)?/g, (whole, name, noun, verb) => {
    const number = value(name)
    if (number !== 1) return whole.replace(`{${name}}`, String(number))
    return [number, noun, verb && { are: 'is', were: 'was' }[verb as 'are' | 'were']].filter(Boolean).join(' ')
  })
}
