/** Plays scenes on a lab while the lab's pages are recorded. */
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyLocalLab } from '@lab/lab/lab.ts'
import { systemClock } from '@lab/scaler/adapters/system-clock.ts'
import type { DemoEvent, StillName } from '../core/events.ts'
import type { Scene } from '../core/scene.ts'
import { Transcript } from '../core/transcript.ts'
import { playOn } from '../run.ts'
import { cardSeconds, type Recorded } from './film.ts'
import type { FilmedLab } from './filmed-lab.ts'
import { Filming, type Picture } from './filming.ts'
import { serveRecordingPage } from './server.ts'
import { readRepeatedly } from './sources.ts'
import { names } from './verify.ts'

export interface RecordOptions {
  scenes: readonly Scene[]
  filmed: FilmedLab
  /** Folder for the recording's files, such as the events and the readings. */
  folder: string
  seed: number
  say: (line: string) => void
  signal: AbortSignal
}

export interface Recording extends Recorded {
  scenes: readonly Scene[]
  /** Folder for the captured images and the stills. `finish` removes it. */
  pictureFolder: string
  pictures: Picture[]
  /** Time at which each still was taken. Unix milliseconds. */
  stills: ReadonlyMap<StillName, number>
  troubles: string[]
  /** The reason why no video can be made; null if a video can be made. */
  failure: string | null
}

/** Plays and records the scenes one after another, and stops after the first scene that fails. */
export async function record({ scenes, filmed, folder, seed, say, signal }: RecordOptions): Promise<Recording> {
  const pictureFolder = await mkdtemp(join(tmpdir(), 'lab-film-'))
  await mkdir(join(folder, names.stills), { recursive: true })
  const { lab, pages, source } = filmed
  const server = await serveRecordingPage(0)
  const filming = await Filming.open({ recording: server.url, ...pages }, pictureFolder).catch(async (error: unknown) => {
    server.close()
    await rm(pictureFolder, { recursive: true, force: true })
    throw error
  })
  const readings = readRepeatedly(source, join(folder, names.numbers), say)
  const events: DemoEvent[] = []
  let failure: string | null = null
  try {
    await filming.card('Sockets come, replicas follow', introOf(scenes, lab.scaler?.timeScale ?? 1))
    await filming.roll()
    const beganAt = Date.now()
    await systemClock.sleep(cardSeconds.first, signal)
    await filming.card(null)
    const decisions = new Set<string>()
    for (const scene of scenes) {
      const transcript = new Transcript()
      await untilAtRest(lab, signal)
      const onEvent = async (event: DemoEvent) => {
        events.push(event)
        // At the start of a scene, the lab still reports decisions from the previous scene, which the recorded page has already shown.
        const isOld = event.kind === 'decision' && decisions.has(event.text)
        if (event.kind === 'decision') decisions.add(event.text)
        const lines = isOld ? [] : transcript.add(event)
        filming.showEvent(event, lines)
        for (const line of lines) say(line)
        await appendFile(join(folder, names.events), `${JSON.stringify(event)}\n`)
        // After each caption, the source of its numbers is read before the scene continues, because the numbers may change a moment later.
        if (event.kind === 'say') await readings.now()
      }
      const { verdict, text } = await playOn(lab, scene, { seed, onEvent, signal })
      if (verdict !== 'passed') failure = `${scene.name} ${verdict}: ${text}`
      if (failure !== null) break
    }
    await filming.card('Every number was measured when its caption was made', outroOf(scenes))
    await systemClock.sleep(cardSeconds.last, signal)
    const endedAt = Date.now()
    const { pictures, stills, troubles } = await filming.end()
    const result = { scenes, beganAt, endedAt, events, pictureFolder, pictures, stills, troubles, failure }
    if (failure !== null) await rm(pictureFolder, { recursive: true, force: true })
    return result
  } catch (error) {
    await filming.abandon()
    await rm(pictureFolder, { recursive: true, force: true })
    throw error
  } finally {
    await readings.end()
    server.close()
  }
}

/** How long the lab may take to settle between two scenes, and how long it must then remain settled. Seconds. */
const restWithinSeconds = 60
const restForSeconds = 4
const checkEverySeconds = 0.5

/**
 * Waits, up to a time limit, until no replica is starting or exiting and the load's sockets are closed. If the lab is still changing at the
 * time limit, this function returns normally and leaves it to the next scene to report the problem.
 */
async function untilAtRest(lab: AnyLocalLab, signal: AbortSignal): Promise<void> {
  const until = systemClock.nowSeconds() + restWithinSeconds
  let since = systemClock.nowSeconds()
  while (!signal.aborted && systemClock.nowSeconds() < until && systemClock.nowSeconds() - since < restForSeconds) {
    const now = await lab.readings().catch(() => undefined)
    const calm = now?.replicas.every(({ state, sockets }) => state === 'ready' && sockets <= otherSockets) ?? false
    if (!calm) since = systemClock.nowSeconds()
    await systemClock.sleep(checkEverySeconds, signal)
  }
}
/** Number of sockets per replica that may stay open between scenes, because the test client page also opens sockets. */
const otherSockets = 2

function introOf(scenes: readonly Scene[], timeScale: number): string[] {
  return [
    'A WebSocket lab on one machine: replicas, a router, an autoscaler and clients.',
    ...scenes.map(({ name, title }) => `${name}: ${title}`),
    timeScale === 1 ? 'A real run.' : `A real run; the autoscaler's clock runs ${timeScale} times as fast as in a cluster.`,
  ]
}

function outroOf(scenes: readonly Scene[]): string[] {
  return ['Run it yourself:', 'npm ci', ...scenes.map(({ name }) => `./lab demo ${name}`), 'This film: ./lab record']
}
