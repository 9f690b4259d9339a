/** Makes a five-second video from images and captions, and checks that `verify` finds each kind of defect. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoEvent } from '../core/events.ts'
import { assOf } from './ass.ts'
import { cuesOf } from './captions.ts'
import { encode, still } from './ffmpeg.ts'
import { hasFfmpeg, missingTools } from './tools.ts'
import { names, verify } from './verify.ts'
import { vttOf } from './vtt.ts'

const canEncode = await hasFfmpeg()
if (!canEncode) console.warn('Films are not tested, because ffmpeg is not installed. On Debian: apt-get install ffmpeg')

const said = (seconds: number, text: string, sockets: number): DemoEvent => ({
  kind: 'say',
  at: 1_000_000 + seconds * 1000,
  seconds,
  text,
  numbers: { sockets: { value: sockets, unit: 'sockets', source: 'metric' } },
})
const events = [said(0.4, '20 sockets are open.', 20), said(2.9, 'Now 40 of them.', 40)]
const wanted = { minSeconds: 4, maxSeconds: 6, checksum: 'sha256:abc', stills: ['start'] }
const cues = cuesOf(events.map(({ seconds, ...event }) => ({ seconds, text: 'text' in event ? event.text : '' })))

describe.skipIf(!canEncode)('verify', () => {
  let folder: string
  const copies: string[] = []

  /** Damages a copy of the valid recording, and resolves with the defects that `verify` finds. */
  async function spoiled(spoil: (at: (name: string) => string) => Promise<void>): Promise<string[]> {
    const copy = await mkdtemp(join(tmpdir(), 'film-'))
    copies.push(copy)
    await cp(folder, copy, { recursive: true })
    await spoil((name) => join(copy, name))
    return verify(copy, wanted)
  }

  const film = (where: string, captions = cues, colour = 'picture.jpg') =>
    writeFile(join(where, names.ass), assOf(captions, [])).then(() =>
      encode({
        folder: where,
        ass: names.ass,
        vtt: names.vtt,
        narration: null,
        output: names.film,
        clips: [
          { file: 'picture.jpg', seconds: 2 },
          { file: colour, seconds: 3 },
        ],
        metadata: { comment: 'storyboard sha256:abc' },
      }),
    )

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'film-'))
    await mkdir(join(folder, names.stills))
    const bar = 'drawbox=y=916:h=164:color=black:t=fill'
    for (const [colour, file] of [
      ['0x404850', 'picture.jpg'],
      ['black', 'black.jpg'],
    ] as const)
      await execa('ffmpeg', [
        '-v',
        'error',
        '-f',
        'lavfi',
        '-i',
        `color=${colour}:s=1920x1080`,
        '-vf',
        bar,
        '-frames:v',
        '1',
        join(folder, file),
      ])
    await writeFile(join(folder, names.vtt), vttOf(cues))
    await writeFile(join(folder, names.events), events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    const read = events.map(({ at }, index) => ({ at, source: 'the replicas', values: { sockets: [20, 40][index] } }))
    await writeFile(join(folder, names.numbers), read.map((one) => `${JSON.stringify(one)}\n`).join(''))
    await writeFile(join(folder, names.transcript), '# Transcript\n')
    await film(folder)
    await still(folder, 'picture.jpg', names.ass, 1, join(names.stills, 'start.png'))
    await cp(join(folder, names.stills, 'start.png'), join(folder, names.poster))
  }, 60_000)

  afterAll(async () => {
    for (const path of [folder, ...copies]) await rm(path, { recursive: true, force: true })
  })

  test('finds no fault in a valid film', async () => {
    expect(await missingTools().then((missing) => missing.filter((line) => !line.startsWith('no Chromium')))).toEqual([])
    expect(await verify(folder, wanted)).toEqual([])
  }, 60_000)

  test('accepts a still that has the caption of its moment and a small size', async () => {
    const { stdout } = await execa('ffmpeg', [
      ...['-v', 'error', '-i', join(folder, names.stills, 'start.png')],
      ...['-vf', 'crop=1280:104:0:613,signalstats,metadata=print:key=lavfi.signalstats.YMAX:file=-', '-f', 'null', '-'],
    ])
    expect(Number(/YMAX=(\d+)/.exec(stdout)?.[1])).toBeGreaterThan(180)
    expect((await readFile(join(folder, names.stills, 'start.png'))).length).toBeLessThan(150 * 1024)
  })

  test('reports a wrong length and a wrong checksum of the storyboard', async () => {
    expect(await verify(folder, { ...wanted, minSeconds: 120, maxSeconds: 180, checksum: 'sha256:def' })).toEqual([
      'length: 5.0 s, expected 120 to 180',
      'checksum of the storyboard in the metadata: expected sha256:def',
    ])
  }, 60_000)

  test('reports a caption file that differs from the captions of the film', async () => {
    const faults = await spoiled(async (at) => {
      const text = await readFile(at(names.vtt), 'utf8')
      await writeFile(at(names.vtt), text.replace('20 sockets are open.', '30 sockets are open.'))
    })
    expect(faults.join('\n')).toMatch(/caption 1: 30 sockets are open\., but the event has: 20/)
    expect(faults.join('\n')).toMatch(/caption 1 in the film's track/)
  }, 60_000)

  test('reports captions that are not burned in, and black pictures', async () => {
    const faults = await spoiled((at) => film(at('.'), cues.slice(0, 1), 'black.jpg'))
    expect(faults.join('\n')).toMatch(/black pictures: black_start:2/)
    expect(faults.join('\n')).toMatch(/the picture lacks its caption/)
  }, 60_000)

  test('reports text in the caption area at a moment without a caption', async () => {
    const faults = await spoiled((at) => film(at('.'), [...cues, { start: 4.6, end: 5, lines: ['more'], said: 2 }]))
    expect(faults.join('\n')).toMatch(/the caption area contains text without a caption/)
  }, 60_000)

  test('reports a number without a measurement, a number that differs from its source, and a missing file', async () => {
    const faults = await spoiled(async (at) => {
      const invented = { ...said(0.4, '20 sockets are open.', 20), numbers: {} }
      await writeFile(at(names.events), [invented, events[1]].map((event) => `${JSON.stringify(event)}\n`).join(''))
      await writeFile(at(names.numbers), `${JSON.stringify({ at: events[1]?.at, source: 'the replicas', values: { sockets: 90 } })}\n`)
      await rm(at(names.poster))
    })
    expect(faults).toEqual([
      'no measurement for 20 in: 20 sockets are open.',
      'the replicas reported 90 to 90: sockets 40 in: Now 40 of them.',
      'there is no poster.png',
    ])
  }, 60_000)
})
