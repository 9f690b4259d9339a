/** Plays one scene on a stage: told on the terminal as it happens, and kept in files. */
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemClock } from '../scaler/src/adapters/system-clock.ts'
import { type Played, playScene } from './core/director.ts'
import type { DemoEvent } from './core/events.ts'
import type { Scene } from './core/scene.ts'
import type { Stage } from './core/stage.ts'
import { Transcript, transcriptOf } from './core/transcript.ts'

export interface RunOptions {
  seed: number
  /** Looks on for moments only. */
  short: boolean
  /** Where the events go, one JSON line each. */
  eventsFile: string
  transcriptFile: string
  /** Told each line of the transcript. */
  say: (line: string) => void
  signal: AbortSignal
}

/** Rejects when the files cannot be written at all; a file that fails later fails the scene. */
export async function runScene(scene: Scene, stage: Stage, options: RunOptions): Promise<Played> {
  const { seed, short, eventsFile, transcriptFile, say, signal } = options
  for (const file of [eventsFile, transcriptFile]) await mkdir(dirname(file), { recursive: true })
  const events: DemoEvent[] = []
  const transcript = new Transcript()
  const log = createWriteStream(eventsFile)
  let failure: Error | undefined
  log.on('error', (error) => {
    failure = error
  })
  const onEvent = async (event: DemoEvent) => {
    if (failure) throw failure
    events.push(event)
    // Each line is in the file before the scene goes on: who follows the file sees what is.
    await new Promise<void>((resolve) => log.write(`${JSON.stringify(event)}\n`, () => resolve()))
    for (const line of transcript.add(event)) say(line)
  }
  const played = await playScene(scene, stage, { seed, short, clock: systemClock, onEvent, signal })
  await new Promise<void>((resolve) => log.end(() => resolve()))
  await writeFile(transcriptFile, transcriptOf(events))
  return played
}
