/** Reads and writes captions as WebVTT. Pure. */
import type { Cue } from './captions.ts'

/** Formats cues as a WebVTT file. */
export function vttOf(cues: readonly Cue[]): string {
  const blocks = cues.map(
    ({ start, end, lines }, index) => `${index + 1}\n${stamp(start)} --> ${stamp(end)}\n${lines.map(escaped).join('\n')}\n`,
  )
  return `WEBVTT\n\n${blocks.join('\n')}`
}

/** Parses the cues of a WebVTT file. @throws Error with the first invalid block */
export function cuesOfVtt(text: string): Cue[] {
  if (!text.startsWith('WEBVTT\n')) throw new Error('the file does not begin with WEBVTT')
  const blocks = text
    .split(/\n{2,}/)
    .slice(1)
    .filter((block) => block.trim() !== '')
  return blocks.map((block) => {
    const lines = block.trim().split('\n')
    const times = lines.findIndex((line) => line.includes('-->'))
    const found = /^(?:(\d+):)?(\d{2}):(\d{2}\.\d{3}) --> (?:(\d+):)?(\d{2}):(\d{2}\.\d{3})$/.exec(lines[times] ?? '')
    if (found === null) throw new Error(`no times in ${JSON.stringify(block)}`)
    const seconds = (at: number) => Number(found[at] ?? 0) * 3600 + Number(found[at + 1]) * 60 + Number(found[at + 2])
    return { start: seconds(1), end: seconds(4), lines: lines.slice(times + 1).map(unescaped) }
  })
}

function stamp(seconds: number): string {
  const ms = Math.round(seconds * 1000)
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${String(ms % 1000).padStart(3, '0')}`
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const unescaped = (text: string) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
