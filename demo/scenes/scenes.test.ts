/** Every scene on a lab in memory: the same seed tells the same story, and nothing stays behind wherever it breaks off. */
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fakeClock } from '../../scaler/src/fakes/fake-clock.ts'
import { playScene } from '../core/director.ts'
import { type DemoEvent, type StillName, stillNames } from '../core/events.ts'
import type { Scene } from '../core/scene.ts'
import { transcriptOf } from '../core/transcript.ts'
import { fakeStage } from '../fakes/fake-stage.ts'
import { scenes } from './index.ts'
import { surge } from './surge.ts'

async function perform(scene: Scene, { failsAt, stopAt, store }: { failsAt?: number; stopAt?: number; store?: boolean } = {}) {
  const clock = fakeClock(1_700_000_000)
  const stage = fakeStage({ clock, ...(failsAt !== undefined && { failsAt }), ...(store !== undefined && { has: { store } }) })
  const stop = new AbortController()
  const events: DemoEvent[] = []
  const onEvent = (event: DemoEvent) => {
    if (events.push(event) === stopAt) stop.abort()
  }
  const played = await playScene(scene, stage, { seed: 7, clock, onEvent, signal: stop.signal })
  return { ...played, events, stage }
}

test.each(scenes)('$name passes, and its transcript is always the same', async (scene) => {
  const { text, events } = await perform(scene)
  expect(text).toBe('every fact was met')
  await expect(transcriptOf(events)).toMatchFileSnapshot(`golden/${scene.name}.txt`)
})

test.each(scenes)('$name leaves nothing behind, whatever call fails', async (scene) => {
  const { stage } = await perform(scene)
  for (let failsAt = 0; failsAt < stage.calls.length; failsAt++) {
    const failed = await perform(scene, { failsAt })
    expect(failed.verdict).toBe('failed')
    expect(failed.stage.unusual(), `after ${failed.stage.calls[failsAt]}`).toEqual([])
  }
})

test.each(scenes)('$name leaves nothing behind, whenever it is interrupted', async (scene) => {
  const { events } = await perform(scene)
  const undoing = events.findLastIndex(({ kind }) => kind !== 'undo' && kind !== 'end') + 1
  for (let stopAt = 1; stopAt < events.length; stopAt++) {
    const { verdict, stage } = await perform(scene, { stopAt })
    if (stopAt < undoing) expect(verdict).toBe('interrupted')
    expect(stage.unusual(), `at event ${stopAt}`).toEqual([])
  }
})

test('where nothing is shared, the surge waits for no socket to move, and says so', async () => {
  const { verdict, events } = await perform(surge, { store: false })
  expect(verdict).toBe('passed')
  const texts = events.flatMap((event) => (event.kind === 'say' ? [event.text] : []))
  expect(texts.filter((text) => /sockets (stay where they are|have moved)/.test(text))).toEqual([
    expect.stringMatching(/^Nothing is shared/),
  ])
})

test('names are unique, and every still has its scenes', async () => {
  expect(new Set(scenes.map(({ name }) => name)).size).toBe(scenes.length)
  const taken = new Set<StillName>()
  for (const scene of scenes) for (const event of (await perform(scene)).events) if (event.kind === 'still') taken.add(event.name)
  expect([...taken].sort()).toEqual([...stillNames].sort())
  expect(readdirSync(new URL('golden', import.meta.url)).sort()).toEqual(scenes.map(({ name }) => `${name}.txt`).sort())
})
