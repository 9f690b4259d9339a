/** From the time of a recording to that of the film: stretches in which nothing is said or done go by faster, and say so. Pure. */
import { captionRules, onFrame } from './captions.ts'

/** Seconds. */
export interface Span {
  from: number
  to: number
}

/** A part of the recording, and how many times as fast the film shows it. */
export interface Segment extends Span {
  factor: number
}

export const filmRules = { minSeconds: 120, maxSeconds: 180, framesPerSecond: 25 } as const

/** Tried one after the other, the slowest that makes the film short enough. */
export const factors = [1, 2, 4, 8, 16] as const
/** Leaves the file's own rounding some room. Seconds. */
const aimSeconds = filmRules.maxSeconds - 4
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
 * The whole recording in segments, without a gap.
 * @param length of the recording, in seconds
 * @param kept what the film shows at its own pace; the rest goes `factor` times as fast
 */
export function segmentsOf(length: number, kept: readonly Span[], factor: number): Segment[] {
  const segments: Segment[] = []
  const add = (from: number, to: number, pace: number) => {
    const last = segments.at(-1)
    if (to <= from) return
    if (last?.factor === pace) last.to = to
    else segments.push({ from, to, factor: pace })
  }
  let at = 0
  for (const { from, to } of [...merged(kept), { from: length, to: length }]) {
    const until = Math.min(from, length)
    add(at, until, until - at >= shortestIdleSeconds ? factor : 1)
    add(Math.max(at, until), Math.min(to, length), 1)
    at = Math.max(at, Math.min(to, length))
  }
  return segments
}

export const filmSeconds = (segments: readonly Segment[]): number =>
  segments.reduce((sum, { from, to, factor }) => sum + (to - from) / factor, 0)

/** The segments at the slowest pace that makes the film short enough; at the fastest, when none does. */
export function paced(length: number, kept: readonly Span[]): Segment[] {
  const tried = factors.map((factor) => segmentsOf(length, kept, factor))
  return tried.find((segments) => filmSeconds(segments) <= aimSeconds) ?? tried.at(-1) ?? []
}

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

/** Where the film goes faster, in its own time, with what says so. */
export function paceLabels(segments: readonly Segment[]): { start: number; end: number; text: string }[] {
  return segments
    .filter(({ factor }) => factor > 1)
    .map(({ from, to, factor }) => ({
      start: onFrame(filmTime(segments, from)),
      end: onFrame(filmTime(segments, to)),
      text: `×${factor}`,
    }))
    .filter(({ start, end }) => end - start >= captionRules.frame)
}
