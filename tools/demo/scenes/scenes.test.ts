/** Plays every scene on an in-memory lab: equal seeds give equal transcripts, and every change is undone wherever the scene ends. */
import { readdirSync } from 'node:fs'
import { fakeClock } from '@lab/scaler/fakes/fake-clock.ts'
import { expect, test } from 'vitest'
import { playScene } from '../core/director.ts'
import type { DemoEvent } from '../core/events.ts'
import type { Scene } from '../core/scene.ts'
import { transcriptOf } from '../core/transcript.ts'
import { fakeLab } from '../fakes/fake-lab.ts'
import { scenes } from './index.ts'
import { surge } from './surge.ts'

async function perform(scene: Scene, { failsAt, stopAt, store }: { failsAt?: number; stopAt?: number; store?: boolean } = {}) {
  const clock = fakeClock(1_700_000_000)
  const lab = fakeLab({ clock, ...(failsAt !== undefined && { failsAt }), ...(store !== undefined && { has: { store } }) })
  const stop = new AbortController()
  const events: DemoEvent[] = []
  const onEvent = (event: DemoEvent) => {
    if (events.push(event) === stopAt) stop.abort()
  }
  const played = await playScene(scene, lab, { seed: 7, clock, beginFault: lab.beginFault, onEvent, signal: stop.signal })
  return { ...played, events, lab }
}

test.each(scenes)('$name passes, and its transcript is always the same', async (scene) => {
  const { text, events } = await perform(scene)
  expect(text).toBe('every fact was met')
  await expect(transcriptOf(events)).toMatchFileSnapshot(`golden/${scene.name}.txt`)
})

test.each(scenes)('$name undoes every change, whichever call fails', async (scene) => {
  const { lab } = await perform(scene)
  for (let failsAt = 0; failsAt < lab.calls.length; failsAt++) {
    const failed = await perform(scene, { failsAt })
    expect(failed.verdict).toBe('failed')
    expect(failed.lab.unusual(), `after ${failed.lab.calls[failsAt]}`).toEqual([])
  }
})

test.each(scenes)('$name undoes every change, at whichever event it is interrupted', async (scene) => {
  const { events } = await perform(scene)
  const undoing = events.findLastIndex(({ kind }) => kind !== 'undo' && kind !== 'end') + 1
  for (let stopAt = 1; stopAt < events.length; stopAt++) {
    const { verdict, lab } = await perform(scene, { stopAt })
    if (stopAt < undoing) expect(verdict).toBe('interrupted')
    expect(lab.unusual(), `at event ${stopAt}`).toEqual([])
  }
})

test('without a shared store, the surge does not wait for sockets to move and states the reason', async () => {
  const { verdict, events } = await perform(surge, { store: false })
  expect(verdict).toBe('passed')
  const texts = events.flatMap((event) => (event.kind === 'say' ? [event.text] : []))
  expect(texts.filter((text) => /sockets (stay where they are|have moved)/.test(text))).toEqual([
    expect.stringMatching(/^There is no shared store/),
  ])
})

test('scene names are unique, and every scene has its expected transcript', () => {
  expect(new Set(scenes.map(({ name }) => name)).size).toBe(scenes.length)
  expect(readdirSync(new URL('golden', import.meta.url)).sort()).toEqual(scenes.map(({ name }) => `${name}.txt`).sort())
})
