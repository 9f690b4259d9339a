/** Runs ffmpeg and ffprobe to encode and inspect videos. Every call has a time limit, and errors contain the failed program's output. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { filmRules } from './timeline.ts'

/** The time limit is long, because encoding three minutes of video takes a minute on two busy cores. Milliseconds. */
const encodeWithinMs = 600_000
const askWithinMs = 120_000

/** An image file, and how many seconds the video shows the image. */
export interface Clip {
  file: string
  seconds: number
}

export interface Film {
  /** ffmpeg's working folder, to which the names of the video's clips, subtitles and captions are relative. */
  folder: string
  clips: readonly Clip[]
  /** The subtitle script that ffmpeg burns into the video. */
  ass: string
  /** The captions that are stored as a separate track in the video. */
  vtt: string
  /** The narration, a WAV file; null for a silent video. */
  narration: string | null
  output: string
  metadata: Readonly<Record<string, string>>
}

/** Encodes the video as H.264 at a constant frame rate, with the index at the start of the file so that playback can begin at once. */
export async function encode({ folder, clips, ass, vtt, narration, output, metadata }: Film): Promise<void> {
  const last = clips.at(-1)
  if (last === undefined) throw new Error('there are no pictures to encode')
  const list = clips.map(({ file, seconds }) => `file '${file}'\nduration ${seconds.toFixed(3)}\n`).join('')
  // ffmpeg's concat format ignores the duration of the last image, so this image is listed twice.
  await writeFile(join(folder, 'pictures.txt'), `ffconcat version 1.0\n${list}file '${last.file}'\n`)
  const total = clips.reduce((sum, { seconds }) => sum + seconds, 0)
  const colours = 'scale=in_range=full:out_range=tv:out_color_matrix=bt709'
  await ffmpeg(
    folder,
    ['-f', 'concat', '-safe', '0', '-i', 'pictures.txt', '-i', vtt, ...(narration === null ? [] : ['-i', narration])],
    ['-vf', `${colours},format=yuv420p,fps=${filmRules.framesPerSecond},ass=${ass}`, '-t', total.toFixed(3)],
    ['-map', '0:v', '-map', '1:s', ...(narration === null ? [] : ['-map', '2:a', '-c:a', 'aac', '-b:a', '48k'])],
    ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'animation', '-crf', '25', '-r', String(filmRules.framesPerSecond)],
    ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-c:s', 'mov_text', '-metadata:s:s:0', 'language=eng'],
    Object.entries(metadata).flatMap(([name, value]) => ['-metadata', `${name}=${value}`]),
    ['-movflags', '+faststart', output],
  )
}

/** Width of a film's stills. Pixels. */
const stillWidth = 1280
const scaled = (width: number | null) => (width === null ? '' : `scale=${width}:-2:flags=lanczos,`)

/** A video filter that reduces the number of colours, so that the file is small enough for a web page. */
const palette = 'split[a][b];[a]palettegen=stats_mode=single:max_colors=192[p];[b][p]paletteuse=dither=none'

/** Writes one video frame, with its caption burned in, as an image that is small enough for a web page. */
export async function still(folder: string, picture: string, ass: string, atSeconds: number, output: string): Promise<void> {
  // ffmpeg's subtitle filter selects the caption by the frame's timestamp.
  await drawn(
    folder,
    picture,
    `setpts=PTS+${atSeconds.toFixed(3)}/TB,ass=${ass},setpts=PTS-STARTPTS,${scaled(stillWidth)}${palette}`,
    output,
  )
}

/**
 * Writes an image with fewer colours, so that the file is small enough for a web page.
 * @param width width of the written image; null keeps the width
 */
export const shrink = (folder: string, picture: string, output: string, width: number | null = stillWidth): Promise<void> =>
  drawn(folder, picture, `${scaled(width)}${palette}`, output)

const drawn = (folder: string, picture: string, filter: string, output: string) =>
  ffmpeg(folder, ['-i', picture], ['-vf', filter, '-frames:v', '1', '-compression_level', '9', output])

/** The video properties that `verify` needs, as reported by ffprobe. Size in bytes. */
export interface Probed {
  codec: string
  width: number
  height: number
  pixels: string
  seconds: number
  bytes: number
  subtitles: string[]
  audio: string[]
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
    audio: streams.filter(({ codec_type }) => codec_type === 'audio').map(({ codec_name }) => codec_name),
    metadata: format.tags ?? {},
  }
}

/** Returns a video's caption track as WebVTT. */
export async function subtitlesOf(file: string): Promise<string> {
  const { stdout } = await execa('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:s:0', '-f', 'webvtt', '-'], { timeout: askWithinMs })
  return `${stdout}\n`
}

/** Lists the black stretches of a video, as reported by ffmpeg's blackdetect filter, one line each. */
export async function blackStretches(file: string): Promise<string[]> {
  const asked = ['-hide_banner', '-i', file, '-vf', 'blackdetect=d=0.04:pix_th=0.10', '-an', '-f', 'null', '-']
  const { stderr } = await execa('ffmpeg', asked, { timeout: askWithinMs })
  return stderr.split('\n').flatMap((line) => /black_start:.*$/.exec(line)?.[0] ?? [])
}

/** Returns the highest brightness (0 to 255) in an area of each frame, which shows whether the area contains text. */
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
