/** Plans a video from a recording's events: which parts are shown in real time, and when each caption is shown. Pure. */
import type { DemoEvent } from '../core/events.ts'
import { captionRules, cuesOf, onFrame, type SaidCue } from './captions.ts'
import { filmSeconds, filmTime, joined, paced, paceLabels, type Segment, type Span } from './timeline.ts'

/** A recording that has not yet been edited into a video. Times are given in Unix milliseconds. */
export interface Recorded {
  beganAt: number
  endedAt: number
  events: readonly DemoEvent[]
}

/** Times in a video plan are in seconds from the start of the video. */
export interface FilmPlan {
  segments: Segment[]
  /** The video's caption cues; `said` is the index of a cue's caption event among all caption events in the recording. */
  cues: SaidCue[]
  /** Lists the captions that appear too late after their caption events, one line each. */
  late: string[]
  labels: { start: number; end: number; text: string }[]
  stills: { name: string; at: number }[]
}

/** How many seconds the video shows its first and its last text card. */
export const cardSeconds = { first: 4, last: 5 } as const

/** How many seconds before and after each kind of event the film shows in real time. */
const around: Partial<Record<DemoEvent['kind'], readonly [number, number]>> = {
  chapter: [0.2, 1],
  load: [0.4, 2],
  action: [0.4, 2],
  fault: [0.8, 2],
  fact: [0.8, 0.2],
  still: [0.2, 0.8],
}

/** Minimum time, in seconds, between the end of the last caption and the end of the film. */
const tailSeconds = 0.5
/** Maximum delay of a caption, in seconds; with a longer delay, the caption would not match the picture. */
export const latestSeconds = 3
/** How much longer a caption stays when no other follows. Seconds. */
const lingerSeconds = 2
/** Pause after the narration of a caption. Seconds. */
const breathSeconds = 0.3

/**
 * Plans the film: each caption is shown in real time or slower, and the silent rest faster.
 * @param spoken duration of each caption's narration in seconds; empty without narration
 */
export function planOf({ beganAt, endedAt, events }: Recorded, spoken: readonly number[] = []): FilmPlan {
  const since = (at: number) => (at - beganAt) / 1000
  const length = since(endedAt)
  const marks = marksOf(events, since, length)
  const said = events.flatMap((event) => (event.kind === 'say' ? [{ at: since(event.at), text: event.text }] : []))
  let segments = paced({ from: 0, to: said[0]?.at ?? length }, 0, marks)
  const cues: SaidCue[] = []
  const late: string[] = []
  for (const [index, { at, text }] of said.entries()) {
    const film = filmSeconds(segments)
    const last = cues.at(-1)
    const start = Math.max(film, last?.end ?? 0)
    if (start - film > latestSeconds)
      late.push(`a caption is shown ${(start - film).toFixed(1)} s late, allowed are ${latestSeconds}: ${text}`)
    const lasts = (spoken[index] ?? -breathSeconds) + breathSeconds
    const own = cuesOf([{ seconds: start, text, lasts }])
    const end = Math.max(own.at(-1)?.end ?? start, start + lasts)
    // The previous caption stays until this one begins, up to a limit.
    if (last !== undefined) last.end = Math.max(last.end, lingering(last, start))
    cues.push(...own.map((cue) => ({ ...cue, said: index })))
    const isLast = index + 1 === said.length
    const stretch = { from: at, to: said[index + 1]?.at ?? length }
    segments = joined([...segments, ...paced(stretch, end - film + (isLast ? tailSeconds : 0), marks)])
  }
  return {
    segments,
    cues,
    late,
    labels: paceLabels(segments),
    stills: events.flatMap((event) => (event.kind === 'still' ? [{ name: event.name, at: filmTime(segments, since(event.at)) }] : [])),
  }
}

const lingering = ({ start, end }: SaidCue, until: number) =>
  onFrame(Math.min(until, end + lingerSeconds, start + captionRules.maxSeconds - captionRules.frame))

/** Returns the time spans around events and title cards that the video shows in real time. */
function marksOf(events: readonly DemoEvent[], since: (at: number) => number, length: number): Span[] {
  const cards = [
    { from: 0, to: cardSeconds.first },
    { from: length - cardSeconds.last, to: length },
  ]
  const happens = events.flatMap(({ kind, at }) => {
    const [before, after] = around[kind] ?? []
    return before === undefined || after === undefined ? [] : [{ from: Math.max(0, since(at) - before), to: since(at) + after }]
  })
  return [...cards, ...happens]
}

/** Maximum time from an event that changes the screen until the next captured image. Seconds. */
const capturedWithinSeconds = 2

/**
 * Lists the events that changed the screen without an image being captured soon after, one line each. On a machine that is too busy,
 * Chromium captures too few images.
 */
export function lateChanges({ events }: Pick<Recorded, 'events'>, pictures: readonly { at: number }[]): string[] {
  return events.flatMap((event) => {
    if (event.kind !== 'chapter' && event.kind !== 'load' && event.kind !== 'fault') return []
    const next = pictures.find(({ at }) => at >= event.at)
    const seconds = next === undefined ? Number.POSITIVE_INFINITY : (next.at - event.at) / 1000
    if (seconds <= capturedWithinSeconds) return []
    return [
      `the first picture after "${event.kind === 'chapter' ? event.title : event.text}" came ${seconds.toFixed(1)} s later, allowed are ${capturedWithinSeconds}`,
    ]
  })
}
