/** Finds the programs that a recording needs, and reports any that are missing. */
import { existsSync } from 'node:fs'
import { execa } from 'execa'
import { hasVoice, speaker } from './voice.ts'

/** Returns the path of Chromium; undefined if it is not installed. */
export function chromiumPath(): string | undefined {
  const places = [process.env.CHROMIUM_PATH ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  return places.find((path) => path !== '' && existsSync(path))
}

/** Lists the missing programs, one line each with its remedy; empty if all programs are installed. */
export async function missingTools(): Promise<string[]> {
  const missing: string[] = []
  if (chromiumPath() === undefined)
    missing.push('no Chromium: apt-get install chromium fonts-dejavu-core (Debian), or set CHROMIUM_PATH to its path')
  for (const tool of ['ffmpeg', 'ffprobe']) if (!(await runs(tool))) missing.push(`no ${tool}: apt-get install ffmpeg (Debian)`)
  if (missing.length === 0 && !(await hasLibass())) missing.push('this ffmpeg cannot draw captions, because it is built without libass')
  return missing
}

/** Lists what a narration needs and is missing, like {@link missingTools}. */
export const missingVoice = async (): Promise<string[]> =>
  (await hasVoice()) ? [] : [`no ${speaker}: apt-get install ${speaker} (Debian), or omit --voice`]

/** Returns whether ffmpeg and ffprobe are installed. */
export const hasFfmpeg = async (): Promise<boolean> => (await runs('ffmpeg')) && (await runs('ffprobe'))

const runs = async (tool: string) => !(await execa(tool, ['-version'], { reject: false, timeout: 10_000 })).failed

async function hasLibass(): Promise<boolean> {
  const { stdout } = await execa('ffmpeg', ['-hide_banner', '-filters'], { reject: false, timeout: 10_000 })
  return /\bass\b/.test(stdout)
}
