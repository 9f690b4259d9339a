/** Defines the numbers that a storyboard can wait for and put into captions, and measures them from a lab's readings. Pure. */
import { type FigureName, figureNames, type LocalLab, type Readings } from '@lab/lab/lab.ts'
import type { Measured } from './events.ts'
import { figureOf, measure } from './figures.ts'

/** The numbers that only storyboards have, each with its unit and its source. */
const ownFigures = {
  wanted: { unit: 'sockets', source: 'the load that the storyboard set, less the share that k6 reconnects at any moment' },
  before: { unit: 'replicas', source: 'the replicas at the beginning of the chapter' },
  old: { unit: 'replicas', source: 'the replicas from the beginning of the chapter that still exist' },
  fewest: { unit: 'replicas', source: 'the lowest number of ready replicas in any reading of the chapter' },
  most: { unit: 'replicas', source: 'the highest number of replicas that the scaler wanted during the film' },
  took: { unit: 's', source: "the director's clock, from the last change to the last condition" },
  pace: { unit: '', source: 'the time scale of the scaler' },
  reconnects: { unit: '', source: "the load's clients: reconnects, since the chapter began" },
  moves: { unit: '', source: "the load's clients: sessions resumed on another replica, since the chapter began" },
  lost: { unit: 'messages', source: "the load's clients: room messages known to be lost, since the film began" },
  used: { unit: 'replica-minutes', source: 'the replicas in every reading, summed over the time of the film' },
  fixed: { unit: 'replica-minutes', source: 'the highest number that the scaler wanted, multiplied by the time of the film' },
  saved: { unit: '%', source: 'the difference between the replica-minutes, as a share of the larger number' },
} as const
type OwnFigure = keyof typeof ownFigures
export type StoryFigure = OwnFigure | FigureName

export const storyFigureNames = [...figureNames, ...Object.keys(ownFigures)] as StoryFigure[]
export const isStoryFigure = (name: string): name is StoryFigure => (storyFigureNames as string[]).includes(name)

const operators = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '==': (a: number, b: number) => a === b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
} as const
const comparison = /^(\w+) (>=|<=|==|>|<) (\w+)$/

/** Describes what is wrong with a condition; undefined if it is valid. */
export function conditionFault(text: string): string | undefined {
  for (const part of text.split(' and ')) {
    const [, left = '', , right = ''] = comparison.exec(part) ?? []
    if (left === '')
      return `not a condition: ${part}; allowed is NUMBER OPERATOR NUMBER, with the operators ${Object.keys(operators).join(' ')}`
    for (const name of [left, right])
      if (!isStoryFigure(name) && !/^\d+$/.test(name))
        return `there is no number ${name}; allowed are a whole number and ${storyFigureNames.join(', ')}`
  }
  return undefined
}

/** Observes the lab during a story, and measures its numbers. */
export class StoryFigures {
  private readonly steadySockets: (sockets: number) => number
  private readonly pace: number
  private load = 0
  private firstAt: number | undefined
  private last: Readings | undefined
  private chapter: Readings | undefined
  private first: Readings | undefined
  private fewest = Number.POSITIVE_INFINITY
  private most = 0
  private replicaSeconds = 0
  private changedAt: number | undefined
  private metAt: number | undefined

  /** @param steadySockets returns how many sockets are open when a load is fully open */
  constructor(steadySockets: (sockets: number) => number, pace: number) {
    this.steadySockets = steadySockets
    this.pace = pace
  }

  /** Takes a reading into account. Readings must be passed in chronological order. */
  observe(now: Readings): void {
    if (this.last !== undefined) this.replicaSeconds += this.last.replicas.length * (now.atSeconds - this.last.atSeconds)
    this.firstAt ??= now.atSeconds
    this.first ??= now
    this.chapter ??= now
    this.last = now
    this.most = Math.max(this.most, now.scaler?.desired ?? 0)
    this.fewest = Math.min(this.fewest, figureOf('replicas', now) ?? 0)
  }

  /** Marks the beginning of a chapter. */
  beginChapter(now: Readings): void {
    this.observe(now)
    this.chapter = now
    this.fewest = figureOf('replicas', now) ?? 0
  }

  /** Marks a change, from which times are measured. */
  changed(atSeconds: number, load = this.load): void {
    this.load = load
    this.changedAt = atSeconds
  }

  /** Marks the moment at which a condition was met. */
  met(atSeconds: number): void {
    this.metAt = atSeconds
  }

  /** Returns whether the readings meet a condition. A condition whose numbers the lab does not have is not met. */
  holds(condition: string, now: Readings): boolean {
    return condition.split(' and ').every((part) => {
      const [, left = '', operator = '==', right = ''] = comparison.exec(part) ?? []
      const [a, b] = [left, right].map((name) => (isStoryFigure(name) ? this.value(name, now) : Number(name)))
      return a !== null && b !== null && a !== undefined && b !== undefined && operators[operator as keyof typeof operators](a, b)
    })
  }

  /** Measures a number; null if the lab does not have it. */
  measure(name: StoryFigure, now: Readings, sources: LocalLab['sources']): Measured | null {
    if (!isOwn(name)) return measure(name, now, sources)
    const value = this.value(name, now)
    return value === null ? null : { value, ...ownFigures[name] }
  }

  private value(name: StoryFigure, now: Readings): number | null {
    const since = (counter: 'reconnects' | 'moves' | 'lost', from: Readings | undefined) => {
      const [before, after] = [from?.[counter] ?? null, now[counter]]
      return before === null || after === null ? null : after - before
    }
    const minutes = (replicaSeconds: number) => Math.round(replicaSeconds / 6) / 10
    const fixed = this.most * (now.atSeconds - (this.firstAt ?? now.atSeconds))
    switch (name) {
      case 'wanted':
        return this.steadySockets(this.load)
      case 'before':
        return this.chapter?.replicas.length ?? null
      case 'old':
        return (this.chapter?.replicas ?? []).filter(({ id, startedAtSeconds }) =>
          now.replicas.some((one) => one.id === id && one.startedAtSeconds === startedAtSeconds),
        ).length
      case 'fewest':
        return this.fewest
      case 'most':
        return this.most
      case 'took':
        return this.changedAt === undefined || this.metAt === undefined ? null : Math.round((this.metAt - this.changedAt) * 10) / 10
      case 'pace':
        return this.pace
      case 'reconnects':
      case 'moves':
        return since(name, this.chapter)
      case 'lost':
        return since(name, this.first)
      case 'used':
        return minutes(this.replicaSeconds)
      case 'fixed':
        return minutes(fixed)
      case 'saved':
        return fixed === 0 ? null : Math.round((1 - this.replicaSeconds / fixed) * 100)
      default:
        return figureOf(name, now)
    }
  }
}

const isOwn = (name: StoryFigure): name is OwnFigure => Object.hasOwn(ownFigures, name)
