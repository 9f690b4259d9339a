/** Plays a storyboard on a lab while the screen is recorded. */
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyLocalLab } from '@lab/lab/lab.ts'
import { systemClock } from '@lab/scaler/adapters/system-clock.ts'
import type { DemoEvent } from '../core/events.ts'
import { storyScene } from '../core/story.ts'
import { viewOf } from '../core/storyboard.ts'
import { Transcript } from '../core/transcript.ts'
import { playOn } from '../run.ts'
import { blocksOf, readingSeconds } from './captions.ts'
import { cardSeconds, type Recorded } from './film.ts'
import type { FilmedLab } from './filmed-lab.ts'
import { Filming, type Picture } from './filming.ts'
import type { StoryboardFile } from './read-storyboard.ts'
import { serveScreen } from './server.ts'
import { readRepeatedly } from './sources.ts'
import { runInTerminal } from './terminal.ts'
import { names } from './verify.ts'
import { chooseViews, type Frame, frameOf } from './views.ts'

export interface RecordOptions {
  story: StoryboardFile
  filmed: FilmedLab
  /** Folder for the recording's files, such as the events and the readings. */
  folder: string
  seed: number
  say: (line: string) => void
  signal: AbortSignal
}

export interface Recording extends Recorded {
  story: StoryboardFile
  /** Folder for the captured images and the stills. `finish` removes it. */
  pictureFolder: string
  pictures: Picture[]
  /** Time at which each still was taken. Unix milliseconds. */
  stills: ReadonlyMap<string, number>
  troubles: string[]
  /** The reason why no film can be made; null if a film can be made. */
  failure: string | null
}

/** How long a viewer needs to read a caption. Seconds. */
export const captionSeconds = (text: string): number => blocksOf(text).reduce((sum, lines) => sum + readingSeconds(lines), 0)

/** Plays and records the storyboard. The recording ends before the changes that the storyboard made are undone. */
export async function record({ story, filmed, folder, seed, say, signal }: RecordOptions): Promise<Recording> {
  const { storyboard } = story
  const { lab, pages, source } = filmed
  const chosen = await chooseViews(storyboard, pages, story.folder, true)
  const pictureFolder = await mkdtemp(join(tmpdir(), 'lab-film-'))
  await mkdir(join(folder, names.stills), { recursive: true })
  const server = await serveScreen(0)
  const opened = { screen: server.url, frames: framesOf(chosen, pages), diagrams: story.folder, folder: pictureFolder }
  const filming = await Filming.open(opened).catch(async (error: unknown) => {
    server.close()
    await rm(pictureFolder, { recursive: true, force: true })
    throw error
  })
  const readings = readRepeatedly(source, join(folder, names.numbers), say)
  const events: DemoEvent[] = []
  const transcript = new Transcript()
  let chapter = 0
  const onEvent = async (event: DemoEvent) => {
    events.push(event)
    if (event.kind === 'chapter') filming.chapter(++chapter, storyboard.chapters.length, event.title)
    if (event.kind === 'show') {
      filming.show(chosen.get(event.views.join()) ?? '')
      // The opening card stays until the first view is shown. The story continues when the screen is up to date, so that a caption never
      // appears before its view, however busy the machine is.
      await filming.card(null)
    }
    if (event.kind === 'load' || event.kind === 'fault' || event.kind === 'action') filming.notice(event.kind, event.text)
    if (event.kind === 'run') filming.terminal(event.command, await runInTerminal(event.command, event.lines, lab.scaler?.stateFolder))
    if (event.kind === 'still') filming.take(event.name)
    for (const line of transcript.add(event)) say(line)
    await appendFile(join(folder, names.events), `${JSON.stringify(event)}\n`)
    // After each caption, the source of its numbers is read before the scene continues, because the numbers may change a moment later.
    if (event.kind === 'say') await readings.now()
  }
  let taken: Awaited<ReturnType<Filming['end']>> | undefined
  let endedAt = 0
  try {
    await untilAtRest(lab, signal)
    await filming.card(storyboard.opening?.title ?? storyboard.title, storyboard.opening?.lines)
    await filming.roll()
    const beganAt = Date.now()
    await systemClock.sleep(cardSeconds.first, signal)
    const scene = storyScene(storyboard, { name: story.name, readingSeconds: captionSeconds })
    const play: typeof scene.play = async (director) => {
      await scene.play(director)
      await filming.card(storyboard.ending?.title ?? storyboard.title, storyboard.ending?.lines)
      await director.hold(cardSeconds.last)
      endedAt = Date.now()
      taken = await filming.end()
    }
    const { verdict, text } = await playOn(lab, { ...scene, play }, { seed, onEvent, signal })
    const failure = verdict === 'passed' ? null : `${story.name} ${verdict}: ${text}`
    if (failure !== null) await filming.abandon()
    if (failure !== null) await rm(pictureFolder, { recursive: true, force: true })
    const { pictures, stills, troubles } = taken ?? { pictures: [], stills: new Map(), troubles: [] }
    return { story, beganAt, endedAt, events, pictureFolder, pictures, stills, troubles, failure }
  } catch (error) {
    await filming.abandon()
    await rm(pictureFolder, { recursive: true, force: true })
    throw error
  } finally {
    await filming.abandon()
    await readings.end()
    server.close()
  }
}

/** Returns the frames of all views that the film shows, each once. */
function framesOf(chosen: ReadonlyMap<string, string>, pages: FilmedLab['pages']): Frame[] {
  const frames = new Map<string, Frame>()
  for (const text of chosen.values()) {
    const view = viewOf(text)
    const frame = view && frameOf(view, pages)
    if (frame) frames.set(frame.id, frame)
  }
  return [...frames.values()]
}

/** How long the lab may take to settle before the film begins, and how long it must then remain settled. Seconds. */
const restWithinSeconds = 60
const restForSeconds = 4
const checkEverySeconds = 0.5

/**
 * Waits, up to a time limit, until no replica is starting or exiting and the load's sockets are closed. If the lab is still changing at the
 * time limit, this function returns normally and leaves it to the storyboard to report the problem.
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
/** Number of sockets per replica that may be open before the film begins, because the test client page also opens sockets. */
const otherSockets = 2
