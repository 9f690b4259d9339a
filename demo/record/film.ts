/** From events and pictures to a film: which moments keep their pace, when each caption shows. Pure. */
import { createHash } from 'node:crypto'
import type { DemoEvent, StillName } from '../core/events.ts'
import { type Cue, cuesOf, onFrame } from './captions.ts'
import { filmTime, paced, paceLabels, type Segment, type Span } from './timeline.ts'

/** A recording before it is a film. Times in Unix milliseconds. */
export interface Recorded {
  beganAt: number
  endedAt: number
  events: readonly DemoEvent[]
}

/** Times in seconds of the film. */
export interface FilmPlan {
  segments: Segment[]
  cues: Cue[]
  labels: { start: number; end: number; text: string }[]
  stills: { name: StillName; at: number }[]
}

/** How long the first and the last card stay. Seconds. */
export const cardSeconds = { first: 4, last: 5 } as const

/** Around which events the film keeps its pace: seconds before and after. */
const around: Partial<Record<DemoEvent['kind'], readonly [number, number]>> = {
  scene: [0, 2],
  chapter: [0.2, 1.5],
  load: [0.5, 2.5],
  action: [0.5, 2.5],
  fault: [1, 4],
  fact: [1.5, 0.5],
  still: [1, 1],
  unmet: [2, 3],
}

export function planOf({ beganAt, endedAt, events }: Recorded): FilmPlan {
  const since = (at: number) => (at - beganAt) / 1000
  const length = since(endedAt)
  const said = events.flatMap((event) => (event.kind === 'say' ? [{ seconds: since(event.at), text: event.text }] : []))
  const recorded = cuesOf(said)
  const kept: Span[] = [
    { from: 0, to: cardSeconds.first },
    { from: length - cardSeconds.last, to: length },
    ...recorded.map(({ start, end }) => ({ from: start, to: end })),
    ...events.flatMap(({ kind, at }) => {
      const [before, after] = around[kind] ?? []
      return before === undefined || after === undefined ? [] : [{ from: Math.max(0, since(at) - before), to: since(at) + after }]
    }),
  ]
  const segments = paced(length, kept)
  const cues: Cue[] = []
  for (const { start, end, lines } of recorded) {
    const from = Math.max(onFrame(filmTime(segments, start)), cues.at(-1)?.end ?? 0)
    cues.push({ start: from, end: onFrame(from + (end - start)), lines })
  }
  return {
    segments,
    cues,
    labels: paceLabels(segments),
    stills: events.flatMap((event) => (event.kind === 'still' ? [{ name: event.name, at: filmTime(segments, since(event.at)) }] : [])),
  }
}

/** How far behind what is said a caption may come: later, it would be about something else. Seconds. */
export const latestSeconds = 6

/** Captions that come too long after their text was said. */
export function lateFaults({ beganAt, events }: Recorded): string[] {
  const said = events.flatMap((event) => (event.kind === 'say' ? [{ seconds: (event.at - beganAt) / 1000, text: event.text }] : []))
  const cues = cuesOf(said)
  return said.flatMap(({ seconds, text }, index) => {
    const late = (cues.find((cue) => cue.said === index)?.start ?? seconds) - seconds
    return late <= latestSeconds ? [] : [`a caption comes ${late.toFixed(1)} s late, allowed are ${latestSeconds}: ${text}`]
  })
}

/** What tells scripts of scenes apart: one sum over all of them. */
export function checksumOf(scripts: readonly { name: string; text: string }[]): string {
  const hash = createHash('sha256')
  for (const { name, text } of scripts.toSorted((a, b) => a.name.localeCompare(b.name, 'en'))) hash.update(`${name}\0${text}\0`)
  return `sha256:${hash.digest('hex')}`
}
