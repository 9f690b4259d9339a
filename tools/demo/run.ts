/** Plays a scene on a running lab, prints the transcript line by line, and writes the transcript and the events to files. */
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { begin } from '@lab/faults/engine.ts'
import type { AnyLocalLab } from '@lab/lab/lab.ts'
import { systemClock } from '@lab/scaler/adapters/system-clock.ts'
import { type Played, type PlayOptions, playScene } from './core/director.ts'
import type { DemoEvent } from './core/events.ts'
import type { Scene } from './core/scene.ts'
import { Transcript, transcriptOf } from './core/transcript.ts'

/** Planned duration of a fault in seconds; a scene may end the fault earlier. */
const faultSeconds = 120

/** Plays a scene in real time, with faults from the catalogue. */
export function playOn(lab: AnyLocalLab, scene: Scene, options: Omit<PlayOptions, 'clock' | 'beginFault'>): Promise<Played> {
  return playScene(scene, lab, {
    ...options,
    clock: systemClock,
    beginFault: async (fault, replica) => (await begin(lab, fault, { replica, seconds: faultSeconds })).undo,
  })
}

export interface RunOptions {
  seed: number
  /** Shortens every observation. */
  short: boolean
  /** Path of the event log, which contains one line of JSON per event. */
  eventsFile: string
  transcriptFile: string
  /** Called with each line of the transcript. */
  say: (line: string) => void
  signal: AbortSignal
}

/** Plays a scene and writes its output files. Rejects if a file cannot be created; a later write error makes the scene fail. */
export async function runScene(scene: Scene, lab: AnyLocalLab, options: RunOptions): Promise<Played> {
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
    // Each event is written to the event log before the scene continues, so that other programs can follow the log.
    await new Promise<void>((resolve) => log.write(`${JSON.stringify(event)}\n`, () => resolve()))
    for (const line of transcript.add(event)) say(line)
  }
  const played = await playOn(lab, scene, { seed, short, onEvent, signal })
  await new Promise<void>((resolve) => log.end(() => resolve()))
  await writeFile(transcriptFile, transcriptOf(events))
  return played
}
