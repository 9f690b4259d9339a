/** The command of docs/video.md: a whole film, and its own verdict. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { missingTools } from '../../demo/record/tools.ts'

const missing = await missingTools()
if (missing.length > 0) console.warn(`No film is made here: ${missing.join('; ')}`)
const main = fileURLToPath(new URL('../../demo/record/main.ts', import.meta.url))

test.skipIf(missing.length > 0)('makes a film of two to three minutes, and finds no fault with it', { timeout: 900_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'film-'))
  try {
    const ran = await execa('node', [main, '--out', folder], { reject: false, all: true, timeout: 880_000 })
    expect(ran.exitCode, ran.all).toBe(0)
    expect((await readdir(folder)).sort()).toEqual([
      'events.jsonl',
      'lab.mp4',
      'lab.vtt',
      'numbers.jsonl',
      'poster.png',
      'stills',
      'transcript.md',
    ])
    expect((await readdir(join(folder, 'stills'))).length).toBe(8)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
