/** Checks the files of a finished recording, independently of the code that created them. */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DemoEvent, readEvents } from '../core/events.ts'
import { picture } from './ass.ts'
import { type Cue, captionRules, cueFaults, cuesOf } from './captions.ts'
import { claimsOf } from './claims.ts'
import { blackStretches, brightness, type Probed, probe, subtitlesOf } from './ffmpeg.ts'
import { numberFaults, readChecks } from './numbers.ts'
import { filmRules } from './timeline.ts'
import { cuesOfVtt } from './vtt.ts'

export const names = {
  film: 'lab.mp4',
  vtt: 'lab.vtt',
  ass: 'lab.ass',
  narration: 'narration.wav',
  transcript: 'transcript.md',
  events: 'events.jsonl',
  numbers: 'numbers.jsonl',
  poster: 'poster.png',
  stills: 'stills',
} as const

/** Maximum size of a video that a web page can embed. Bytes. */
const maxBytes = 6 * 1024 * 1024
/** Maximum size of an image file on a web page. Bytes. */
export const maxPictureBytes = 150 * 1024

export interface Wanted {
  minSeconds: number
  maxSeconds: number
  /** Checksum of the storyboard, which the video's metadata must contain. */
  checksum: string
  /** Whether the film has a narration. */
  voice?: boolean
  /** Names of the stills that the recording's folder must contain. */
  stills: readonly string[]
}

export const wholeFilm = { minSeconds: filmRules.minSeconds, maxSeconds: filmRules.maxSeconds }

/** Lists the defects of the recording in a folder, one line each; empty if there are none. */
export async function verify(folder: string, wanted: Wanted): Promise<string[]> {
  const at = (name: string) => join(folder, name)
  const film = at(names.film)
  const cues = cuesOfVtt(await readFile(at(names.vtt), 'utf8'))
  const events = readEvents(await readFile(at(names.events), 'utf8'))
  const checks = readChecks(await readFile(at(names.numbers), 'utf8'))
  const probed = await probe(film)
  return [
    ...filmFaults(probed, wanted),
    ...(await blackStretches(film)).map((stretch) => `black pictures: ${stretch}`),
    ...cueFaults(cues),
    ...saidFaults(cues, events),
    ...trackFaults(cues, cuesOfVtt(await subtitlesOf(film))),
    ...burnedFaults(cues, await brightness(film, captionArea), probed.seconds),
    ...claimFaults(events),
    ...numberFaults(events, checks),
    ...(await missingFiles(folder, [
      names.transcript,
      ...(wanted.stills.length > 0 ? [names.poster] : []),
      ...wanted.stills.map((name) => `${names.stills}/${name}.png`),
    ])),
  ]
}

export function filmFaults({ codec, width, height, pixels, seconds, bytes, subtitles, audio, metadata }: Probed, wanted: Wanted): string[] {
  const faults: string[] = []
  const expect = (holds: boolean, text: string) => void (holds || faults.push(text))
  expect(codec === 'h264', `codec: ${codec}, expected h264`)
  expect(pixels === 'yuv420p', `pixels: ${pixels}, expected yuv420p`)
  expect(width === picture.width && height === picture.height, `size: ${width}×${height}, expected ${picture.width}×${picture.height}`)
  expect(
    seconds >= wanted.minSeconds && seconds <= wanted.maxSeconds,
    `length: ${seconds.toFixed(1)} s, expected ${wanted.minSeconds} to ${wanted.maxSeconds}`,
  )
  expect(bytes <= maxBytes, `size: ${bytes} bytes, expected at most ${maxBytes}`)
  expect(subtitles.join() === 'mov_text', `caption tracks: ${subtitles.join() || 'none'}, expected one mov_text track`)
  expect(audio.length === (wanted.voice ? 1 : 0), `sound tracks: ${audio.length}, expected ${wanted.voice ? 1 : 0}`)
  expect(metadata.comment?.includes(wanted.checksum) ?? false, `checksum of the storyboard in the metadata: expected ${wanted.checksum}`)
  return faults
}

/** Compares the video's captions with those in the event log: they must be the same and in the same order. */
export function saidFaults(cues: readonly Cue[], events: readonly DemoEvent[]): string[] {
  const said = events.flatMap((event) => (event.kind === 'say' ? [{ seconds: 0, text: event.text }] : []))
  const expected = cuesOf(said).map(({ lines }) => lines.join(' / '))
  const found = cues.map(({ lines }) => lines.join(' / '))
  const first = Array.from({ length: Math.max(expected.length, found.length) }, (_, i) => i).find((i) => expected[i] !== found[i])
  if (first === undefined) return []
  return [`caption ${first + 1}: ${found[first] ?? 'nothing'}, but the event has: ${expected[first] ?? 'nothing'}`]
}

/** Compares the captions in the WebVTT file with the captions in the video's caption track. */
function trackFaults(cues: readonly Cue[], track: readonly Cue[]): string[] {
  const text = ({ start, end, lines }: Cue) => `${start.toFixed(2)} to ${end.toFixed(2)}: ${lines.join(' / ')}`
  const faults = cues.flatMap((cue, index) => {
    const own = track[index]
    return own !== undefined && text(own) === text(cue)
      ? []
      : [`caption ${index + 1} in the film's track: ${own ? text(own) : 'none'}; in the file: ${text(cue)}`]
  })
  return track.length > cues.length ? [...faults, `the film's track has ${track.length} captions, not ${cues.length}`] : faults
}

/** The area of the video frame in which captions are burned in. */
const captionArea = { x: 0, y: picture.captionTop + 2, width: picture.width, height: picture.captionHeight - 4 }
/** Caption letters are white and brighter than `brightLuma`; a caption bar without text is darker than `darkLuma`. */
const brightLuma = 180
const darkLuma = 90

/** Checks that the caption area contains text exactly when the video has a caption. */
export function burnedFaults(cues: readonly Cue[], pictures: readonly { seconds: number; highest: number }[], length: number): string[] {
  const faults: string[] = []
  if (pictures.length === 0) faults.push('no picture could be checked for captions')
  const margin = captionRules.frame * 1.5
  for (const { seconds, highest } of pictures) {
    const inside = cues.some(({ start, end }) => seconds >= start + margin && seconds <= end - margin)
    const outside = cues.every(({ start, end }) => seconds < start - margin || seconds > end + margin)
    if (inside && highest < brightLuma) faults.push(`${seconds.toFixed(2)} s: the picture lacks its caption`)
    if (outside && highest > darkLuma) faults.push(`${seconds.toFixed(2)} s: the caption area contains text without a caption`)
  }
  const late = cues.filter(({ end }) => end > length + margin)
  return [...faults.slice(0, 5), ...late.map(({ lines }) => `after the film's end: ${lines.join(' / ')}`)]
}

/** Checks that every number in a caption has a measurement. */
export function claimFaults(events: readonly DemoEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.kind !== 'say') return []
    return claimsOf(event.text, event.numbers).flatMap(({ text, name }) =>
      name === null ? [`no measurement for ${text} in: ${event.text}`] : [],
    )
  })
}

async function missingFiles(folder: string, files: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    files.map((name) =>
      access(join(folder, name)).then(
        () => [],
        () => [`there is no ${name}`],
      ),
    ),
  )
  return found.flat()
}
