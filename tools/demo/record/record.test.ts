/** Records a short scene on a real lab with a real Chromium, and encodes it with a real ffmpeg. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readEvents } from '../core/events.ts'
import type { Fact, Scene } from '../core/scene.ts'
import { type FilmedLab, filmedEmbeddedLab } from './filmed-lab.ts'
import { finish } from './finish.ts'
import { record } from './record.ts'
import { missingTools } from './tools.ts'
import { names, verify } from './verify.ts'

const missing = await missingTools()
if (missing.length > 0) console.warn(`No film is made here: ${missing.join('; ')}`)

/** A short scene. The scene has the name of an existing scene, because the checksum is computed from that scene's script. */
const short: Scene = {
  name: 'steady',
  title: 'a few sockets',
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
const failing: Scene = { ...short, play: (director) => director.until('this never holds', () => false, 0.5).then(() => undefined) }

describe.skipIf(missing.length > 0)('a recording', () => {
  let filmed: FilmedLab
  let folder: string
  const options = () => ({
    filmed,
    folder,
    seed: 1,
    say: () => undefined,
    signal: new AbortController().signal,
  })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'film-'))
    filmed = await filmedEmbeddedLab({ timeScale: 20 })
  }, 60_000)
  afterAll(async () => {
    await filmed?.lab.close()
    await rm(folder, { recursive: true, force: true })
  }, 60_000)

  test('does not start when a page responds with an error', async () => {
    const live = new URL('/nowhere', filmed.pages.client).href
    const withError = { ...options(), filmed: { ...filmed, pages: { ...filmed.pages, live } }, scenes: [short] }
    await expect(record(withError)).rejects.toThrow(`${live} cannot be filmed: it answers with HTTP 404`)
  })

  test('of a failing scene reports the reason and leaves no pictures', async () => {
    const recorded = await record({ ...options(), scenes: [failing] })
    expect(recorded.failure).toMatch(/^steady failed: this never holds: not within 0.5 s/)
    await expect(readdir(recorded.pictureFolder)).rejects.toThrow('ENOENT')
    for (const name of [names.events, names.numbers]) await rm(join(folder, name), { force: true })
  }, 120_000)

  test('becomes a film without faults, with a still, a poster and a transcript', async () => {
    const recorded = await record({ ...options(), scenes: [short] })
    expect(recorded.failure).toBeNull()
    const { checksum, faults } = await finish(folder, recorded)
    expect(faults).toEqual([])
    expect(await verify(folder, { minSeconds: 9, maxSeconds: 60, checksum, stills: ['under-load'] })).toEqual([])
    const said = readEvents(await readFile(join(folder, names.events), 'utf8')).find(({ kind }) => kind === 'say')
    expect(await readFile(join(folder, names.transcript), 'utf8')).toContain(said && 'text' in said ? said.text : 'there is no caption')
    await expect(readdir(recorded.pictureFolder)).rejects.toThrow('ENOENT')
  }, 180_000)
})
