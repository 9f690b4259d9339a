/** Converts between times in a recording and times in the video, which shows some parts faster or slower. Pure. */
import { captionRules, onFrame } from './captions.ts'

/** A span of time in the recording, in seconds since the recording began. */
export interface Span {
  from: number
  to: number
}

/** A part of the recording, and the speed factor at which the video shows it. A speed factor below 1 means slower than real time. */
export interface Segment extends Span {
  factor: number
}

export const filmRules = { minSeconds: 120, maxSeconds: 180, framesPerSecond: 12.5 } as const

/** Maximum time, in seconds, that the film spends on a stretch without captions, apart from the moments around events. */
export const silentSeconds = 1.5
/** Minimum length, in seconds, of a stretch without events that the film speeds up. */
const shortestIdleSeconds = 1

/** Sorts spans, and merges those that overlap or are adjacent. */
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
 * Splits a part of the recording into segments without gaps.
 * @param ownPace spans that the video shows in real time; the rest is shown `factor` times faster
 */
export function segmentsOf({ from: begin, to: end }: Span, ownPace: readonly Span[], factor: number): Segment[] {
  const segments: Segment[] = []
  const add = (from: number, to: number, pace: number) => {
    if (to > from) segments.push({ from, to, factor: pace })
  }
  let at = begin
  for (const { from, to } of [...merged(ownPace), { from: end, to: end }]) {
    if (to <= at) continue
    const until = Math.max(at, Math.min(from, end))
    add(at, until, until - at >= shortestIdleSeconds ? factor : 1)
    at = Math.min(to, end)
    add(until, at, 1)
  }
  return joined(segments)
}

/**
 * Paces a part of the recording whose caption is read at its beginning. A part that is too short for its caption is slowed down; the
 * silent rest of a long part is sped up so that it takes at most `silentSeconds`.
 * @param readSeconds how long the caption takes
 * @param ownPace other spans that the film shows in real time
 */
export function paced(stretch: Span, readSeconds: number, ownPace: readonly Span[]): Segment[] {
  const { from, to } = stretch
  if (to <= from) return []
  if (to - from < readSeconds) return [{ from, to, factor: (to - from) / readSeconds }]
  const real = [...ownPace, { from, to: from + readSeconds }]
  const idle = segmentsOf(stretch, real, 2).reduce((sum, one) => sum + (one.factor === 1 ? 0 : one.to - one.from), 0)
  return segmentsOf(stretch, real, Math.max(1, Math.ceil(idle / silentSeconds)))
}

/** Joins adjacent segments that have the same speed. */
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

/** Converts a time in the recording into the corresponding time in the video. Seconds. */
export function filmTime(segments: readonly Segment[], seconds: number): number {
  let film = 0
  for (const { from, to, factor } of segments) {
    if (seconds <= to) return film + Math.max(0, seconds - from) / factor
    film += (to - from) / factor
  }
  return film
}

/** Converts a time in the video into the corresponding time in the recording. Seconds. */
export function recordedTime(segments: readonly Segment[], film: number): number {
  let at = 0
  for (const { from, to, factor } of segments) {
    const lasts = (to - from) / factor
    if (film <= at + lasts) return from + (film - at) * factor
    at += lasts
  }
  return segments.at(-1)?.to ?? 0
}

/** Index of a captured image, and how long the video shows it, in seconds (a whole number of frames). */
export interface Shown {
  picture: number
  seconds: number
}

/**
 * Computes the sequence of captured images that the video shows. Consecutive frames that show the same image are combined into one entry.
 * @param times capture times of the images in ascending order, in seconds since the recording began
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
    // Each frame shows the image that is current in the middle of the frame, so that an image captured exactly at the start of a frame is
    // shown in that frame.
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

/** Below this speed, a viewer sees a still picture. */
const stillFactor = 0.1

/** Returns the labels for the faster and slower parts of the video, with times in seconds from the start of the video. */
export function paceLabels(segments: readonly Segment[]): { start: number; end: number; text: string }[] {
  return segments
    .filter(({ factor }) => factor > 1 || factor < 0.95)
    .map(({ from, to, factor }) => ({
      start: onFrame(filmTime(segments, from)),
      end: onFrame(filmTime(segments, to)),
      text: factor > 1 ? `×${factor} faster` : factor < stillFactor ? 'picture held' : `×${Math.round(10 / factor) / 10} slower`,
    }))
    .filter(({ start, end }) => end - start >= captionRules.frame)
}
