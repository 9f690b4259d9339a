/** Plans a video from a recording's events: which parts are shown in real time, and when each caption is shown. Pure. */
import type { DemoEvent, StillName } from '../core/events.ts'
import { cuesOf, type SaidCue } from './captions.ts'
import { aimSeconds, factors, filmSeconds, filmTime, joined, paceLabels, type Segment, type Span, segmentsOf, slowed } from './timeline.ts'

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
  stills: { name: StillName; at: number }[]
}

/** How many seconds the video shows its first and its last text card. */
export const cardSeconds = { first: 4, last: 5 } as const

/** How many seconds before and after each kind of event the video shows in real time. */
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

/** Plans the video at the slowest pace that makes it short enough, or at the fastest pace if it is too long at every pace. */
export function planOf(recorded: Recorded): FilmPlan {
  const plans = factors.map((factor) => planAt(recorded, factor))
  const plan = plans.find(({ segments }) => filmSeconds(segments) <= aimSeconds) ?? plans.at(-1)
  if (plan === undefined) throw new Error('the list of paces is empty')
  return plan
}

/** Maximum caption delay, in seconds, for which the video is not slowed down. */
const behindSeconds = 1
/** Minimum time, in seconds, between the end of the last caption and the end of the video. */
const tailSeconds = 0.5
/** Maximum delay of a caption, in seconds; with a longer delay, the caption would not match the scene on screen. */
export const latestSeconds = 6

function planAt({ beganAt, endedAt, events }: Recorded, factor: number): FilmPlan {
  const since = (at: number) => (at - beganAt) / 1000
  const length = since(endedAt)
  const marks = marksOf(events, since, length)
  const said = events.flatMap((event) => (event.kind === 'say' ? [{ at: since(event.at), text: event.text }] : []))
  const [first] = said
  let segments = segmentsOf({ from: 0, to: first?.at ?? length }, marks, factor)
  const cues: (SaidCue & { late: number })[] = []
  for (const [index, { at, text }] of said.entries()) {
    const film = filmSeconds(segments)
    const own = cuesOf([{ seconds: Math.max(film, cues.at(-1)?.end ?? 0), text }])
    cues.push(...own.map(({ start, end, lines }, place) => ({ start, end, lines, said: index, late: place === 0 ? start - film : 0 })))
    const stretch = { from: at, to: said[index + 1]?.at ?? length }
    const reading = (own.at(-1)?.end ?? film) - film
    // A stretch of the recording is slowed down if it would end before its caption can be read. A caption may appear up to `behindSeconds`
    // late, but the last caption must end at least `tailSeconds` before the video does.
    const needed = index + 1 < said.length ? reading - behindSeconds : reading + tailSeconds
    const tight = stretch.to - stretch.from < needed
    const ownPace = [...marks, { from: at, to: at + reading }]
    segments = joined([...segments, ...(tight ? slowed(stretch, needed) : segmentsOf(stretch, ownPace, factor))])
  }
  return {
    segments,
    cues: cues.map(({ start, end, lines, said }) => ({ start, end, lines, said })),
    late: cues.flatMap(({ late, lines }) =>
      late > latestSeconds ? [`a caption is shown ${late.toFixed(1)} s late, allowed are ${latestSeconds}: ${lines.join(' ')}`] : [],
    ),
    labels: paceLabels(segments),
    stills: events.flatMap((event) => (event.kind === 'still' ? [{ name: event.name, at: filmTime(segments, since(event.at)) }] : [])),
  }
}

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
