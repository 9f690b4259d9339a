/** Plays storyboards on an in-memory lab. */
import { fakeClock } from '@lab/scaler/fakes/fake-clock.ts'
import { expect, test } from 'vitest'
import { fakeLab } from '../fakes/fake-lab.ts'
import { playScene } from './director.ts'
import type { DemoEvent } from './events.ts'
import { storyScene } from './story.ts'
import { readStoryboard } from './storyboard.ts'

async function play(steps: string, failsAt?: number) {
  const read = readStoryboard(`title: A test\nchapters:\n  - title: One\n    steps:\n${steps.replaceAll(/^/gm, '      ')}`, 'test.yaml')
  if (!read.ok) throw new Error(read.problems.join('\n'))
  const clock = fakeClock(1_700_000_000)
  const lab = fakeLab({ clock, ...(failsAt !== undefined && { failsAt }) })
  const events: DemoEvent[] = []
  const onEvent = (event: DemoEvent) => void events.push(event)
  const scene = storyScene(read.value, { name: 'test', readingSeconds: (text) => text.length / 10 })
  const { signal } = new AbortController()
  const played = await playScene(scene, lab, { seed: 1, clock, beginFault: lab.beginFault, onEvent, signal })
  return { ...played, lab, events, said: events.flatMap((event) => (event.kind === 'say' ? [event] : [])) }
}

const whole = `- show: page
- load: 500
- until: replicas == 5 and sockets >= wanted
- say: "{sockets} sockets on {replicas} replicas, {took} seconds after the load began."
- fault: drain
- until: replicas == 5 and moves > 0 and draining == 0
- say: "{moves} sessions moved, and {lost} messages were lost. {old} of {before} replicas are old."
- scaler: pause
- rollout: start
- until: old == 0
- scaler: resume
- say: At least {fewest} were ready, {used} of {fixed} replica-minutes were used.
- run: ./lab scaler explain
  lines: [result]
- still: end`

test('each step is played, and each number is measured', async () => {
  const { text, verdict, lab, said, events } = await play(whole)
  expect(text).toBe('every fact was met')
  expect(verdict).toBe('passed')
  expect(lab.unusual()).toEqual([])
  expect(said.map(({ text }) => text)).toEqual([
    expect.stringMatching(/^500 sockets on 5 replicas, \d+(\.\d)? seconds after the load began\.$/),
    '100 sessions moved, and 0 messages were lost. 2 of 2 replicas are old.',
    expect.stringMatching(/^At least \d were ready, \d+\.\d of \d+(\.\d)? replica-minutes were used\.$/),
  ])
  expect(said[0]?.numbers.took).toMatchObject({ unit: 's', source: "the director's clock, from the last change to the last condition" })
  expect(events).toContainEqual(expect.objectContaining({ kind: 'show', views: ['page'] }))
  expect(events).toContainEqual(expect.objectContaining({ kind: 'run', command: './lab scaler explain', lines: ['result'] }))
  expect(events).toContainEqual(expect.objectContaining({ kind: 'still', name: 'end' }))
})

test('every change is undone, whichever call fails', async () => {
  const { lab } = await play(whole)
  for (let failsAt = 0; failsAt < lab.calls.length; failsAt++) {
    const failed = await play(whole, failsAt)
    expect(failed.verdict).toBe('failed')
    expect(failed.lab.unusual(), `after ${failed.lab.calls[failsAt]}`).toEqual([])
  }
})

test('the first caption whose numbers the lab has is shown', async () => {
  const { said } = await play('- say: ["{took} seconds.", "{replicas} replicas."]')
  expect(said.map(({ text }) => text)).toEqual(['2 replicas.'])
  const { text } = await play('- say: "{took} seconds."')
  expect(text).toBe('this lab has no value for took in: {took} seconds.')
})

test('a condition that is not met in time ends the story', async () => {
  const { text } = await play('- until: replicas == 9\n  within: 3')
  expect(text).toMatch(/^replicas == 9: not within 3 s; seen: sockets: ws-1 0, ws-2 0/)
})
