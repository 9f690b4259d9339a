/** Records a short storyboard on a real lab with a real Chromium, and encodes it with a real ffmpeg. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readEvents } from '../core/events.ts'
import { type FilmedLab, filmedLab } from './filmed-lab.ts'
import { finish } from './finish.ts'
import { openStoryboard } from './read-storyboard.ts'
import { record } from './record.ts'
import { takeStills } from './stills.ts'
import { missingTools, missingVoice } from './tools.ts'
import { names, verify } from './verify.ts'

const missing = await missingTools()
if (missing.length > 0) console.warn(`No film is made here: ${missing.join('; ')}`)
const voice = (await missingVoice()).length === 0

const short = `title: A few sockets
chapters:
  - title: Under load
    steps:
      - show: [traefik, page]
      - load: 20
      - until: sockets >= wanted
      - say: "{sockets} sockets are open on {replicas} replicas, after {took} seconds."
      - run: ./lab scaler explain
        lines: [METRIC]
      - show: [page]
      - still: under-load
      - hold: 2
`

describe.skipIf(missing.length > 0)('a recording', () => {
  let filmed: FilmedLab
  let folder: string
  const optionsFor = async (yaml: string) => {
    const file = join(folder, 'short.yaml')
    await writeFile(file, yaml)
    return { story: openStoryboard(file), filmed, folder, seed: 1, say: () => undefined, signal: new AbortController().signal }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'film-'))
    filmed = await filmedLab({ on: 'embedded', seed: 1, timeScale: 20 })
  }, 60_000)
  afterAll(async () => {
    await filmed?.lab.close()
    await rm(folder, { recursive: true, force: true })
  }, 60_000)

  test('does not start when the lab has none of the views of a step', async () => {
    const options = await optionsFor(short.replace('[traefik, page]', '[traefik, grafana lab-users]'))
    await expect(record(options)).rejects.toThrow('this lab has none of the views traefik, grafana lab-users')
  })

  test('of a story that fails reports the reason and leaves no pictures', async () => {
    const recorded = await record(await optionsFor(short.replace('sockets >= wanted', 'sockets < 0\n        within: 1')))
    expect(recorded.failure).toMatch(/^short failed: sockets < 0: not within 1 s/)
    await expect(readdir(recorded.pictureFolder)).rejects.toThrow('ENOENT')
    for (const name of [names.events, names.numbers]) await rm(join(folder, name), { force: true })
  }, 120_000)

  test('becomes a film without faults, with a narration, a still, a poster and a transcript', async () => {
    const options = await optionsFor(short)
    const recorded = await record(options)
    expect(recorded.failure).toBeNull()
    expect(await finish(folder, recorded, voice)).toEqual([])
    const { checksum } = options.story
    expect(await verify(folder, { minSeconds: 9, maxSeconds: 60, checksum, voice, stills: ['under-load'] })).toEqual([])
    const said = readEvents(await readFile(join(folder, names.events), 'utf8')).find(({ kind }) => kind === 'say')
    expect(await readFile(join(folder, names.transcript), 'utf8')).toContain(said && 'text' in said ? said.text : 'there is no caption')
    await expect(readdir(recorded.pictureFolder)).rejects.toThrow('ENOENT')
  }, 240_000)

  test('stills are taken of the pages that the lab has, and the others are named', async () => {
    const steps = '\n      - show: grafana every\n      - still: dashboards/every\n      - show: client\n      - still: test-client\n'
    const options = await optionsFor(short.replace(/\n {6}- hold: 2\n/, steps))
    const { taken, skipped, failure } = await takeStills(options)
    expect({ taken, skipped, failure }).toEqual({
      taken: ['under-load.png', 'test-client.png'],
      skipped: ['dashboards/every'],
      failure: null,
    })
    expect((await readFile(join(folder, 'under-load.png'))).subarray(1, 4).toString()).toBe('PNG')
  }, 120_000)
})
