/** From the time of a recording to that of the film: other stretches go by faster or slower, and say so. Pure. */
import { captionRules, onFrame } from './captions.ts'

/** Seconds. */
export interface Span {
  from: number
  to: number
}

/** A part of the recording, and how many times as fast the film shows it; below one, it is slower. */
export interface Segment extends Span {
  factor: number
}

export const filmRules = { minSeconds: 120, maxSeconds: 180, framesPerSecond: 25 } as const

/** Tried one after the other, the slowest that makes the film short enough. */
export const factors = [1, 2, 4, 8, 16] as const
/** Leaves the file's own rounding some room. Seconds. */
export const aimSeconds = filmRules.maxSeconds - 4
/** How many times slower, where more is said than can be read in the time that it took. */
const slower = [1.5, 2, 3, 4, 6, 8, 12] as const
/** A shorter stretch is not worth the change of pace. Seconds. */
const shortestIdleSeconds = 2

/** These spans sorted, and put together where they touch. */
export function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = []
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1)
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to)
    else if (to > from) result.push({ from, to })
  }
  return result
}

/**
 * A part of the recording in segments, without a gap.
 * @param kept what the film shows at its own pace; the rest goes `factor` times as fast
 */
export function segmentsOf({ from: begin, to: end }: Span, kept: readonly Span[], factor: number): Segment[] {
  const segments: Segment[] = []
  const add = (from: number, to: number, pace: number) => {
    if (to > from) segments.push({ from, to, factor: pace })
  }
  let at = begin
  for (const { from, to } of [...merged(kept), { from: end, to: end }]) {
    if (to <= at) continue
    const until = Math.max(at, Math.min(from, end))
    add(at, until, until - at >= shortestIdleSeconds ? factor : 1)
    at = Math.min(to, end)
    add(until, at, 1)
  }
  return joined(segments)
}

/** A part of the recording that is shown for so long, or nearly: by one of a few paces. */
export function slowed({ from, to }: Span, forSeconds: number): Segment[] {
  if (to <= from) return []
  const times = slower.find((one) => (to - from) * one >= forSeconds) ?? slower.at(-1) ?? 1
  return [{ from, to, factor: 1 / times }]
}

/** Neighbours of one pace as one. */
export function joined(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = []
  for (const segment of segments) {
    const last = result.at(-1)
    if (last?.factor === segment.factor) last.to = segment.to
    else result.push({ ...segment })
  }
  return result
}

export const filmSeconds = (segments: readonly Segment[]): number =>
  segments.reduce((sum, { from, to, factor }) => sum + (to - from) / factor, 0)

/** When the film shows a moment of the recording. Seconds. */
export function filmTime(segments: readonly Segment[], seconds: number): number {
  let film = 0
  for (const { from, to, factor } of segments) {
    if (seconds <= to) return film + Math.max(0, seconds - from) / factor
    film += (to - from) / factor
  }
  return film
}

/** Which moment of the recording the film shows. Seconds. */
export function recordedTime(segments: readonly Segment[], film: number): number {
  let at = 0
  for (const { from, to, factor } of segments) {
    const lasts = (to - from) / factor
    if (film <= at + lasts) return from + (film - at) * factor
    at += lasts
  }
  return segments.at(-1)?.to ?? 0
}

/** A picture of the recording and how long the film shows it. Seconds, whole frames. */
export interface Shown {
  picture: number
  seconds: number
}

/**
 * Which picture the film shows when, frame by frame, put together where it stays the same.
 * @param times of the pictures, in seconds of the recording, in order
 */
export function shownPictures(times: readonly number[], segments: readonly Segment[]): Shown[] {
  const shown: Shown[] = []
  const frames = Math.round(filmSeconds(segments) * filmRules.framesPerSecond)
  let picture = 0
  let count = 0
  const put = () => {
    if (count > 0) shown.push({ picture, seconds: count / filmRules.framesPerSecond })
    count = 0
  }
  for (let frame = 0; frame < frames; frame++) {
    // The middle of a frame: a picture that begins with it is in it.
    const moment = recordedTime(segments, (frame + 0.5) / filmRules.framesPerSecond)
    let next = picture
    while (next + 1 < times.length && (times[next + 1] ?? 0) <= moment) next++
    if (next !== picture) put()
    picture = next
    count++
  }
  put()
  return shown
}

/** Where the film has another pace, in its own time, with what says so. */
export function paceLabels(segments: readonly Segment[]): { start: number; end: number; text: string }[] {
  return segments
    .filter(({ factor }) => factor !== 1)
    .map(({ from, to, factor }) => ({
      start: onFrame(filmTime(segments, from)),
      end: onFrame(filmTime(segments, to)),
      text: factor > 1 ? `×${factor} faster` : `×${Math.round(10 / factor) / 10} slower`,
    }))
    .filter(({ start, end }) => end - start >= captionRules.frame)
}
