/**
 * Plays a scene: waits for facts, tells what is measured, and takes everything back, whatever happens. Pure: the lab is behind
 * the port Stage, and time is a clock that it is given.
 */
import type { Clock } from '../../scaler/src/ports.ts'
import { seededRandom } from '../../scaler/src/sim/random.ts'
import type { DemoEvent, EventBody, Measured, Verdict } from './events.ts'
import type { Director, Fact, Met, Scene } from './scene.ts'
import { type DecisionSeen, isFigure, measure, type Readings, type Stage, seenText } from './stage.ts'
import { attempt, type Undo, UndoStack } from './undo-stack.ts'

export interface PlayOptions {
  seed: number
  clock: Clock
  /** Told of each event; the scene goes on when it has resolved. */
  onEvent: (event: DemoEvent) => void | Promise<void>
  /** Looks on for moments only. */
  short?: boolean
  /** Ends the scene, and undoes it. */
  signal: AbortSignal
}

export interface Played {
  verdict: Verdict
  /** Why, in one line. */
  text: string
}

/** How long a short scene looks on where others take their time. Seconds. */
const shortSeconds = 2

/** A fact that was not met. */
class Unmet extends Error {}
class Interrupted extends Error {}

/** Plays it to its end. Rejects never: what went wrong is in the verdict. */
export async function playScene(scene: Scene, stage: Stage, options: PlayOptions): Promise<Played> {
  const play = new Play(stage, options)
  const { name, title } = scene
  const failure = await attempt(async () => {
    await play.emit({ kind: 'scene', name, title, surface: stage.surface, seed: options.seed, timeScale: stage.timeScale })
    const [reason] = scene.needs.flatMap((need) => stage.lacks(need) ?? [])
    if (reason !== undefined) throw new Error(reason)
    if (!scene.surfaces.includes(stage.surface)) throw new Error(`${name} plays on ${scene.surfaces.join(', ')}, not on ${stage.surface}`)
    await scene.play(play)
  })
  const leftovers = await play.undos.undoAll()
  const text = [failure?.message ?? 'every fact was met', ...leftovers.map((line) => `not undone: ${line}`)].join('; ')
  const verdict = verdictOf(failure !== undefined, options.signal.aborted, leftovers)
  const unheard = await attempt(() => play.emit({ kind: 'end', verdict, text }))
  return unheard === undefined ? { verdict, text } : { verdict: 'failed', text: `${text}; ${unheard.message}` }
}

function verdictOf(failed: boolean, aborted: boolean, leftovers: readonly string[]): Verdict {
  if (leftovers.length > 0) return 'failed'
  if (!failed) return 'passed'
  // What fails while it is being interrupted fails because of that.
  return aborted ? 'interrupted' : 'failed'
}

class Play implements Director {
  readonly surface
  readonly seed
  readonly timeScale
  private readonly stage: Stage
  private readonly clock: Clock
  private readonly onEvent: PlayOptions['onEvent']
  private readonly signal: AbortSignal
  private readonly short: boolean
  private readonly random: () => number
  private readonly startedAt: number
  readonly undos = new UndoStack((text) => this.emit({ kind: 'undo', text }))
  private lastDecision: string | undefined
  private loaded = false
  private resized = false

  constructor(stage: Stage, { seed, clock, onEvent, signal, short = false }: PlayOptions) {
    this.short = short
    this.surface = stage.surface
    this.timeScale = stage.timeScale
    this.seed = seed
    this.stage = stage
    this.clock = clock
    this.onEvent = onEvent
    this.signal = signal
    this.random = seededRandom(seed)
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
    return Math.floor(sockets * this.stage.steadyShare)
  }

  pick<T>(among: readonly T[]): T {
    const picked = among[Math.floor(this.random() * among.length)]
    if (picked === undefined) throw new Error('there is nothing to pick from')
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
      const number = given[name] ?? (readings && isFigure(name) ? measure(name, readings, this.stage) : undefined)
      if (number === undefined) throw new Error(`say: there is no figure ${name}`)
      if (number === null) throw new Unmet(`this lab cannot tell ${name} now`)
      numbers[name] = number
    }
    if (/\d/.test(text.replaceAll(/\{\w+\}/g, ''))) throw new Error(`say: a number that nobody measured, in: ${text}`)
    await this.step({ kind: 'say', text: inWords(text, (name) => numbers[name]?.value ?? Number.NaN), numbers })
  }

  note(name: string, measured: Measured): Promise<void> {
    return this.step({ kind: 'note', name, ...measured })
  }

  still(name: Parameters<Director['still']>[0]): Promise<void> {
    return this.step({ kind: 'still', name })
  }

  async load(sockets: number): Promise<void> {
    const { loadWanted: before } = await this.now()
    await this.step({ kind: 'load', sockets, text: `load: ${sockets} sockets` })
    if (!this.loaded) this.undos.push(before === 0 ? 'the load ends' : `load: ${before} sockets again`, () => this.stage.setLoad(before))
    this.loaded = true
    await this.stage.setLoad(sockets)
  }

  async fault(name: Parameters<Director['fault']>[0], replica: string | null, text: string): Promise<Undo> {
    await this.step({ kind: 'fault', name, target: replica ?? 'the lab', text })
    return this.act(
      `${name}${replica === null ? '' : ` of ${replica}`} is over`,
      () => this.stage.fault(name, replica),
      () => this.stage.endFault(name, replica),
    )
  }

  async storeAway(): Promise<Undo> {
    await this.step({ kind: 'fault', name: 'valkey-down', target: 'valkey', text: 'Valkey is stopped' })
    return this.act(
      'Valkey is back',
      () => this.stage.setStore(false),
      () => this.stage.setStore(true),
    )
  }

  async replicas(count: number): Promise<void> {
    const before = (await this.now()).replicas.filter(({ state }) => state !== 'draining').length
    await this.step({ kind: 'action', text: `by hand: ${count} replicas` })
    if (!this.resized) this.undos.push(`${before} replicas again`, () => this.stage.setReplicas(before))
    this.resized = true
    await this.stage.setReplicas(count)
  }

  async retire(replica: string): Promise<void> {
    await this.step({ kind: 'action', text: `${replica} is asked to leave` })
    await this.stage.retire(replica)
  }

  async pauseScaler(): Promise<Undo> {
    const { scaler } = await this.now()
    if (scaler === null || scaler.paused) return async () => undefined
    await this.step({ kind: 'action', text: 'the scaler is paused' })
    return this.act(
      'the scaler goes on',
      () => this.stage.pauseScaler(true),
      () => this.stage.pauseScaler(false),
    )
  }

  async setScaler(settings: Parameters<Director['setScaler']>[0], text: string): Promise<Undo> {
    await this.step({ kind: 'action', text })
    return this.act(
      'the scaler has its settings from before',
      () => this.stage.setScaler(settings),
      () => this.stage.setScaler(null),
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
      // What could not be read broke nothing, and shows nothing: the end is only met with readings.
      if (readings !== undefined && !fact(readings)) return 'unmet'
      if (elapsed < forSeconds) return 'on'
      return readings === undefined ? 'unmet' : 'met'
    })
  }

  async now(): Promise<Readings> {
    this.checkSignal()
    const readings = await this.stage.read()
    await this.tellDecisions(readings.decisions)
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
      const verdict = judge(readings, elapsed)
      if (verdict === 'met' && readings !== undefined) {
        const tookSeconds = tenth(elapsed)
        await this.step({ kind: 'fact', what, withinSeconds: within, tookSeconds, seen })
        return {
          readings,
          atSeconds: this.clock.nowSeconds(),
          took: { value: tookSeconds, unit: 's', source: `the director's clock, until: ${what}` },
        }
      }
      if (verdict === 'unmet') {
        await this.step({ kind: 'unmet', what, withinSeconds: within, seen })
        throw new Unmet(`${what}: not within ${within} s; seen: ${seen}`)
      }
      await this.clock.sleep(this.stage.lookEverySeconds, this.signal)
    }
  }

  /** Does something that is to be undone, also when it could be done by half only. */
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

  /** Each decision once, from the first that is seen on. */
  private async tellDecisions(decisions: readonly DecisionSeen[]): Promise<void> {
    for (const { time, ...decision } of decisions) {
      if (this.lastDecision !== undefined && time <= this.lastDecision) continue
      this.lastDecision = time
      await this.step({ kind: 'decision', ...decision })
    }
  }
}

const tenth = (value: number) => Math.round(value * 10) / 10

/** Puts numbers in for their names, and one of a thing in the singular: "1 socket is open". */
function inWords(text: string, value: (name: string) => number): string {
  return text.replaceAll(/\{(\w+)\}(?: (socket|replica|message|session|time)s\b(?: (are|were)\b)?)?/g, (whole, name, noun, verb) => {
    const number = value(name)
    if (number !== 1) return whole.replace(`{${name}}`, String(number))
    return [number, noun, verb && { are: 'is', were: 'was' }[verb as 'are' | 'were']].filter(Boolean).join(' ')
  })
}
