/** A short scene on a real lab, filmed by a real Chromium and made into a film by a real ffmpeg. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readEvents } from '../core/events.ts'
import type { Fact, Scene } from '../core/scene.ts'
import { finish } from './finish.ts'
import { embeddedLab, type FilmedLab } from './lab.ts'
import { record } from './record.ts'
import { missingTools } from './tools.ts'
import { names, verify } from './verify.ts'

const missing = await missingTools()
if (missing.length > 0) console.warn(`No film is made here: ${missing.join('; ')}`)

/** Its script is that of the scene of the same name, for the checksum. */
const short: Scene = {
  name: 'steady',
  title: 'a few sockets',
  surfaces: ['embedded'],
  needs: [],
  play: async (director) => {
    await director.chapter('Under load')
    await director.load(20)
    const open: Fact = ({ replicas }) => replicas.reduce((sum, { sockets }) => sum + sockets, 0) >= 20
    const loaded = await director.until('sockets are open', open, 30)
    await director.say('{sockets} sockets are open on {replicas} replicas, after {took} seconds.', { took: loaded.took })
    await director.still('under-load')
    await director.throughout('sockets stay open while the still is taken', open, 2)
  },
}
const failing: Scene = { ...short, play: (director) => director.until('nothing comes of it', () => false, 0.5).then(() => undefined) }

describe.skipIf(missing.length > 0)('a recording', () => {
  let lab: FilmedLab
  let folder: string
  const options = () => ({
    lab,
    folder,
    seed: 1,
    say: () => undefined,
    signal: new AbortController().signal,
  })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'film-'))
    lab = await embeddedLab(20)
  }, 60_000)
  afterAll(async () => {
    await lab?.stage.close()
    await rm(folder, { recursive: true, force: true })
  }, 60_000)

  test('of a page that is an error is not begun', async () => {
    const live = new URL('/nowhere', lab.pages.client).href
    const wish = { ...options(), lab: { ...lab, pages: { ...lab.pages, live } }, scenes: [short] }
    await expect(record(wish)).rejects.toThrow(`${live} cannot be filmed: it answers with HTTP 404`)
  })

  test('of a scene that fails says why, and leaves no picture', async () => {
    const recorded = await record({ ...options(), scenes: [failing] })
    expect(recorded.failure).toMatch(/^steady failed: nothing comes of it: not within 0.5 s/)
    await expect(readdir(recorded.pictureFolder)).rejects.toThrow('ENOENT')
    for (const name of [names.events, names.numbers]) await rm(join(folder, name), { force: true })
  }, 120_000)

  test('becomes a film without a fault, with a still, a poster and a transcript', async () => {
    const recorded = await record({ ...options(), scenes: [short] })
    expect(recorded.failure).toBeNull()
    const { checksum, faults } = await finish(folder, recorded)
    expect(faults).toEqual([])
    expect(await verify(folder, { minSeconds: 9, maxSeconds: 60, checksum, stills: ['under-load'] })).toEqual([])
    const said = readEvents(await readFile(join(folder, names.events), 'utf8')).find(({ kind }) => kind === 'say')
    expect(await readFile(join(folder, names.transcript), 'utf8')).toContain(said && 'text' in said ? said.text : 'nothing was said')
    await expect(readdir(recorded.pictureFolder)).rejects.toThrow('ENOENT')
  }, 180_000)
})
