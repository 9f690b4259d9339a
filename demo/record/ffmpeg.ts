/** What is asked of ffmpeg and ffprobe. Every call is bounded in time; what it says of a failure is in the error. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { filmRules } from './timeline.ts'

/** Encoding three minutes takes a minute on two busy cores. Milliseconds. */
const encodeWithinMs = 600_000
const askWithinMs = 120_000

/** One picture file, for so many seconds. */
export interface Clip {
  file: string
  seconds: number
}

export interface Film {
  /** Where everything is read and written. File names below are in it. */
  folder: string
  clips: readonly Clip[]
  /** Burned into the pictures. */
  ass: string
  /** Put beside them, as a track of its own. */
  vtt: string
  output: string
  metadata: Readonly<Record<string, string>>
}

/** Makes the film: H.264, 25 pictures a second, readable from its first byte on. */
export async function encode({ folder, clips, ass, vtt, output, metadata }: Film): Promise<void> {
  const last = clips.at(-1)
  if (last === undefined) throw new Error('there is no picture to make a film of')
  const list = clips.map(({ file, seconds }) => `file '${file}'\nduration ${seconds.toFixed(3)}\n`).join('')
  // The last length is only kept when a picture comes after it.
  await writeFile(join(folder, 'pictures.txt'), `ffconcat version 1.0\n${list}file '${last.file}'\n`)
  const total = clips.reduce((sum, { seconds }) => sum + seconds, 0)
  const colours = 'scale=in_range=full:out_range=tv:out_color_matrix=bt709'
  await ffmpeg(
    folder,
    ['-f', 'concat', '-safe', '0', '-i', 'pictures.txt', '-i', vtt],
    ['-vf', `fps=${filmRules.framesPerSecond},${colours},ass=${ass},format=yuv420p`, '-t', total.toFixed(3)],
    ['-map', '0:v', '-map', '1:s', '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '23', '-r', String(filmRules.framesPerSecond)],
    ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-c:s', 'mov_text', '-metadata:s:s:0', 'language=eng'],
    Object.entries(metadata).flatMap(([name, value]) => ['-metadata', `${name}=${value}`]),
    ['-movflags', '+faststart', output],
  )
}

/** Few colours: a file for a page. */
const palette = 'split[a][b];[a]palettegen=stats_mode=single:max_colors=192[p];[b][p]paletteuse=dither=none'

/** A picture with what the film says at that moment burned in, small enough for a page. */
export async function still(folder: string, picture: string, ass: string, atSeconds: number, output: string): Promise<void> {
  // The filter for captions goes by a picture's time.
  await drawn(folder, picture, `setpts=PTS+${atSeconds.toFixed(3)}/TB,ass=${ass},setpts=PTS-STARTPTS,${palette}`, output)
}

/** A picture in a file small enough for a page. */
export const shrink = (folder: string, picture: string, output: string): Promise<void> => drawn(folder, picture, palette, output)

const drawn = (folder: string, picture: string, filter: string, output: string) =>
  ffmpeg(folder, ['-i', picture], ['-vf', filter, '-frames:v', '1', '-compression_level', '9', output])

/** What ffprobe says of a film, as far as it is needed. Lengths in seconds, size in bytes. */
export interface Probed {
  codec: string
  width: number
  height: number
  pixels: string
  seconds: number
  bytes: number
  subtitles: string[]
  metadata: Record<string, string>
}

export async function probe(file: string): Promise<Probed> {
  const { stdout } = await execa('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', file], { timeout: askWithinMs })
  const { streams, format } = JSON.parse(stdout) as {
    streams: { codec_type: string; codec_name: string; width?: number; height?: number; pix_fmt?: string }[]
    format: { duration: string; size: string; tags?: Record<string, string> }
  }
  const video = streams.find(({ codec_type }) => codec_type === 'video')
  return {
    codec: video?.codec_name ?? 'none',
    width: video?.width ?? 0,
    height: video?.height ?? 0,
    pixels: video?.pix_fmt ?? 'none',
    seconds: Number(format.duration),
    bytes: Number(format.size),
    subtitles: streams.filter(({ codec_type }) => codec_type === 'subtitle').map(({ codec_name }) => codec_name),
    metadata: format.tags ?? {},
  }
}

/** The film's own track of captions, as WebVTT. */
export async function subtitlesOf(file: string): Promise<string> {
  const { stdout } = await execa('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:s:0', '-f', 'webvtt', '-'], { timeout: askWithinMs })
  return `${stdout}\n`
}

/** Stretches of black pictures, as ffmpeg's blackdetect names them. */
export async function blackStretches(file: string): Promise<string[]> {
  const asked = ['-hide_banner', '-i', file, '-vf', 'blackdetect=d=0.04:pix_th=0.10', '-an', '-f', 'null', '-']
  const { stderr } = await execa('ffmpeg', asked, { timeout: askWithinMs })
  return stderr.split('\n').flatMap((line) => /black_start:.*$/.exec(line)?.[0] ?? [])
}

/** The brightest point of a part of each picture: whether something is written there. 0 to 255. */
export async function brightness(
  file: string,
  area: { x: number; y: number; width: number; height: number },
): Promise<{ seconds: number; highest: number }[]> {
  const filter = `crop=${area.width}:${area.height}:${area.x}:${area.y},signalstats,metadata=print:key=lavfi.signalstats.YMAX:file=-`
  const { stdout } = await execa('ffmpeg', ['-v', 'error', '-i', file, '-vf', filter, '-an', '-f', 'null', '-'], { timeout: askWithinMs })
  const pictures: { seconds: number; highest: number }[] = []
  for (const [, time, highest] of stdout.matchAll(/pts_time:(\S+)\s+lavfi\.signalstats\.YMAX=(\d+)/g))
    pictures.push({ seconds: Number(time), highest: Number(highest) })
  return pictures
}

async function ffmpeg(folder: string, ...parts: string[][]): Promise<void> {
  await execa('ffmpeg', ['-v', 'error', '-y', ...parts.flat()], { cwd: folder, timeout: encodeWithinMs })
}
