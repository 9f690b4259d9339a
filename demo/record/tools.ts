/** The programs that a recording needs, and one line about the one that is missing. */
import { existsSync } from 'node:fs'
import { execa } from 'execa'

/** Where Chromium is; undefined when there is none. */
export function chromiumPath(): string | undefined {
  const places = [process.env.CHROMIUM_PATH ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  return places.find((path) => path !== '' && existsSync(path))
}

/** What is missing for a recording: one line for each; nothing when all is there. */
export async function missingTools(): Promise<string[]> {
  const missing: string[] = []
  if (chromiumPath() === undefined)
    missing.push('no Chromium: apt-get install chromium fonts-dejavu-core (Debian), or say where it is with CHROMIUM_PATH')
  for (const tool of ['ffmpeg', 'ffprobe']) if (!(await runs(tool))) missing.push(`no ${tool}: apt-get install ffmpeg (Debian)`)
  if (missing.length === 0 && !(await hasLibass())) missing.push('this ffmpeg cannot draw captions: it is built without libass')
  return missing
}

/** Whether ffmpeg and ffprobe are here. */
export const hasFfmpeg = async (): Promise<boolean> => (await runs('ffmpeg')) && (await runs('ffprobe'))

const runs = async (tool: string) => !(await execa(tool, ['-version'], { reject: false, timeout: 10_000 })).failed

async function hasLibass(): Promise<boolean> {
  const { stdout } = await execa('ffmpeg', ['-hide_banner', '-filters'], { reject: false, timeout: 10_000 })
  return /\bass\b/.test(stdout)
}
