/** Plays scenes on a stage while they are filmed. */
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../scaler/src/adapters/system-clock.ts'
import { playScene } from '../core/director.ts'
import type { DemoEvent, StillName } from '../core/events.ts'
import type { Scene } from '../core/scene.ts'
import type { Stage } from '../core/stage.ts'
import { Transcript } from '../core/transcript.ts'
import { cardSeconds, type Recorded } from './film.ts'
import { Filming, type Picture } from './filming.ts'
import type { FilmedLab } from './lab.ts'
import { serveStage } from './server.ts'
import { keepReading } from './sources.ts'
import { names } from './verify.ts'

export interface Wish {
  scenes: readonly Scene[]
  lab: FilmedLab
  /** Where the events and the readings go. */
  folder: string
  seed: number
  say: (line: string) => void
  signal: AbortSignal
}

export interface Recording extends Recorded {
  scenes: readonly Scene[]
  /** Where pictures and stills are. Whoever makes the film removes it. */
  pictureFolder: string
  pictures: Picture[]
  /** When each still was taken. Unix milliseconds. */
  stills: ReadonlyMap<StillName, number>
  troubles: string[]
  /** Why there can be no film; null when there can. */
  failure: string | null
}

/** Plays them one after the other; ends with the first that fails. */
export async function record({ scenes, lab, folder, seed, say, signal }: Wish): Promise<Recording> {
  const pictureFolder = await mkdtemp(join(tmpdir(), 'lab-film-'))
  await mkdir(join(folder, names.stills), { recursive: true })
  const { stage, pages } = lab
  const server = await serveStage(0)
  const filming = await Filming.open({ stage: server.url, ...pages }, pictureFolder).catch(async (error: unknown) => {
    server.close()
    await rm(pictureFolder, { recursive: true, force: true })
    throw error
  })
  const readings = keepReading(lab.source, join(folder, names.numbers), say)
  const events: DemoEvent[] = []
  let failure: string | null = null
  try {
    await filming.card('Sockets come, replicas follow', introOf(scenes, stage.timeScale))
    await filming.roll()
    const beganAt = Date.now()
    await systemClock.sleep(cardSeconds.first, signal)
    await filming.card(null)
    const decisions = new Set<string>()
    for (const scene of scenes) {
      const transcript = new Transcript()
      await atRest(stage, signal)
      const onEvent = async (event: DemoEvent) => {
        events.push(event)
        // A scene begins with what the scaler decided before it, too.
        const isOld = event.kind === 'decision' && decisions.has(event.text)
        if (event.kind === 'decision') decisions.add(event.text)
        const lines = isOld ? [] : transcript.add(event)
        filming.tellEvent(event, lines)
        for (const line of lines) say(line)
        await appendFile(join(folder, names.events), `${JSON.stringify(event)}\n`)
        // Before the scene goes on: soon after, the number may be another.
        if (event.kind === 'say') await readings.now()
      }
      const { verdict, text } = await playScene(scene, stage, { seed, clock: systemClock, onEvent, signal })
      if (verdict !== 'passed') failure = `${scene.name} ${verdict}: ${text}`
      if (failure !== null) break
    }
    await filming.card('Every number was measured as it was said', outroOf(scenes))
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

/** How long the lab may take to be calm between two scenes, and for how long it must be. Seconds. */
const restWithinSeconds = 60
const restForSeconds = 4
const lookEverySeconds = 0.5

/** Waits until nothing comes or goes after a scene; a lab that does not get there is the next scene's to complain of. */
async function atRest(stage: Stage, signal: AbortSignal): Promise<void> {
  const until = systemClock.nowSeconds() + restWithinSeconds
  let since = systemClock.nowSeconds()
  while (!signal.aborted && systemClock.nowSeconds() < until && systemClock.nowSeconds() - since < restForSeconds) {
    const now = await stage.read().catch(() => undefined)
    const calm = now?.replicas.every(({ state, sockets }) => state === 'ready' && sockets <= strangers) ?? false
    if (!calm) since = systemClock.nowSeconds()
    await systemClock.sleep(lookEverySeconds, signal)
  }
}
/** Sockets that are not the load's: the test client page's. */
const strangers = 2

function introOf(scenes: readonly Scene[], timeScale: number): string[] {
  return [
    'A WebSocket lab on one machine: replicas, a router, an autoscaler, and clients.',
    ...scenes.map(({ name, title }) => `${name}: ${title}`),
    timeScale === 1 ? 'A real run.' : `A real run; the autoscaler's time goes ${timeScale} times as fast as in a cluster.`,
  ]
}

function outroOf(scenes: readonly Scene[]): string[] {
  return ['See it yourself:', 'npm ci', ...scenes.map(({ name }) => `npm run demo -- ${name}`), 'This film: npm run demo:record']
}
