/** Writes captions and pace labels in Advanced SubStation Alpha, the subtitle format that ffmpeg burns into the video. Pure. */
import type { Cue } from './captions.ts'

/** Layout of a video frame of 1920×1080 pixels. The screen leaves the caption area empty. */
export const picture = { width: 1920, height: 1080, captionTop: 916, captionHeight: 164, topHeight: 84 } as const

export interface Label {
  start: number
  end: number
  text: string
}

/** Formats the captions, and the labels that mark the faster and slower parts of the video, as an ASS script. */
export function assOf(cues: readonly Cue[], labels: readonly Label[]): string {
  const { width, height, captionTop, captionHeight, topHeight } = picture
  const centre = `{\\an5\\pos(${width / 2},${captionTop + captionHeight / 2})}`
  const badge = `{\\an6\\pos(${width - 165},${topHeight / 2})}`
  const events = [
    ...cues.map(({ start, end, lines }) => dialogue('Caption', start, end, centre + lines.map(plain).join('\\N'))),
    ...labels.map(({ start, end, text }) => dialogue('Pace', start, end, badge + plain(text))),
  ]
  return `[Script Info]
ScriptType: v4.00+
PlayResX: ${width}
PlayResY: ${height}
WrapStyle: 2

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Caption,DejaVu Sans,62,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,0,0,5,0,0,0,1
Style: Pace,DejaVu Sans,36,&H0030C8FF,&H0030C8FF,&H00000000,&H00000000,1,0,0,0,100,100,0,0,1,0,0,5,0,0,0,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
${events.join('\n')}
`
}

const dialogue = (style: string, start: number, end: number, text: string) =>
  `Dialogue: 0,${stamp(start)},${stamp(end)},${style},,0,0,0,,${text}`

/** Formats a time as H:MM:SS.cc, with hundredths of a second, as the ASS format requires. */
function stamp(seconds: number): string {
  const hundredths = Math.round(seconds * 100)
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  return `${Math.floor(hundredths / 360_000)}:${two((hundredths / 6000) % 60)}:${two((hundredths / 100) % 60)}.${two(hundredths % 100)}`
}

/** Replaces the characters that would start a command in the ASS format. */
const plain = (text: string) => text.replaceAll('\\', '＼').replaceAll('{', '(').replaceAll('}', ')')
