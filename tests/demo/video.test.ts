/** Runs the command from docs/video.md, which records a complete video and checks it. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readEvents } from '@lab/demo/core/events.ts'
import { openStoryboard, storyboardFolder } from '@lab/demo/record/read-storyboard.ts'
import { missingTools } from '@lab/demo/record/tools.ts'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { root } from '../stack/lib/compose-file.ts'

const missing = await missingTools()
if (missing.length > 0) console.warn(`No film is made here: ${missing.join('; ')}`)

test.skipIf(missing.length > 0)('records a film of two to three minutes that passes all checks', { timeout: 900_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'film-'))
  try {
    const ran = await execa('node', ['tools/cli/src/main.ts', 'record', '--out', folder], {
      cwd: root,
      reject: false,
      all: true,
      timeout: 880_000,
    })
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
    expect(await readdir(join(folder, 'stills'))).toEqual(['poster.png'])
    const events = readEvents(await readFile(join(folder, 'events.jsonl'), 'utf8'))
    const story = openStoryboard(join(storyboardFolder, 'lab.yaml')).storyboard
    const chapters = events.flatMap((event) => (event.kind === 'chapter' ? [event.title] : []))
    expect(chapters).toEqual(story.chapters.map(({ title }) => title))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
