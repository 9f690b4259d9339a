/** From events and pictures to a film: which moments keep their pace, when each caption shows. Pure. */
import type { DemoEvent, StillName } from '../core/events.ts'
import { cuesOf, type SaidCue } from './captions.ts'
import { aimSeconds, factors, filmSeconds, filmTime, joined, paceLabels, type Segment, type Span, segmentsOf, slowed } from './timeline.ts'

/** A recording before it is a film. Times in Unix milliseconds. */
export interface Recorded {
  beganAt: number
  endedAt: number
  events: readonly DemoEvent[]
}

/** Times in seconds of the film. */
export interface FilmPlan {
  segments: Segment[]
  /** Each with the place of its text among all that is said. */
  cues: SaidCue[]
  /** Captions that come too long after their text was said. */
  late: string[]
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

/** At the slowest pace that makes the film short enough; at the fastest, when none does. */
export function planOf(recorded: Recorded): FilmPlan {
  const plans = factors.map((factor) => planAt(recorded, factor))
  const plan = plans.find(({ segments }) => filmSeconds(segments) <= aimSeconds) ?? plans.at(-1)
  if (plan === undefined) throw new Error('there is no pace to plan with')
  return plan
}

/** How long a caption may come after what it says, so that it need not be slower there. Seconds. */
const behindSeconds = 1
/** What the film lasts after its last caption, at least. Seconds. */
const breathSeconds = 0.5
/** How far behind it may come at all: later, it would be about something else. Seconds. */
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
    // The next thing is said sooner than this one can be read; at the end, there is no next one.
    const needed = index + 1 < said.length ? reading - behindSeconds : reading + breathSeconds
    const tight = stretch.to - stretch.from < needed
    const kept = [...marks, { from: at, to: at + reading }]
    segments = joined([...segments, ...(tight ? slowed(stretch, needed) : segmentsOf(stretch, kept, factor))])
  }
  return {
    segments,
    cues: cues.map(({ start, end, lines, said }) => ({ start, end, lines, said })),
    late: cues.flatMap(({ late, lines }) =>
      late > latestSeconds ? [`a caption comes ${late.toFixed(1)} s late, allowed are ${latestSeconds}: ${lines.join(' ')}`] : [],
    ),
    labels: paceLabels(segments),
    stills: events.flatMap((event) => (event.kind === 'still' ? [{ name: event.name, at: filmTime(segments, since(event.at)) }] : [])),
  }
}

/** What keeps its pace because something happens. */
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
