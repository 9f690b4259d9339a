/** Tests that every change made by a scene is undone exactly once, newest first, wherever the scene fails. */

import { fakeClock } from '@lab/scaler/fakes/fake-clock.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FakeSettings, fakeLab } from '../fakes/fake-lab.ts'
import { playScene } from './director.ts'
import type { DemoEvent } from './events.ts'
import { readEvents } from './events.ts'
import type { Director, Scene } from './scene.ts'
import { transcriptOf } from './transcript.ts'

const scene = (play: (director: Director) => Promise<void>): Scene => ({
  name: 'test',
  title: 'a test',
  needs: [],
  play,
})

async function perform(play: Scene['play'], fake: Omit<FakeSettings, 'clock'> = {}, more: { onEvent?: (event: DemoEvent) => void } = {}) {
  const clock = fakeClock(1_700_000_000)
  const stop = new AbortController()
  const lab = fakeLab({ clock, ...fake })
  const events: DemoEvent[] = []
  const onEvent = (event: DemoEvent) => {
    events.push(event)
    more.onEvent?.(event)
  }
  const { beginFault } = lab
  const played = await playScene(scene(play), lab, { seed: 7, clock, beginFault, onEvent, signal: stop.signal })
  return { ...played, events, lab, stop }
}

/** The steps from which the test generates random scenes. */
type Step = 'load' | 'fault' | 'store' | 'pause' | 'settings' | 'undo' | 'until' | 'say'
const steps = fc.array(fc.constantFrom<Step>('load', 'fault', 'store', 'pause', 'settings', 'undo', 'until', 'say'), { maxLength: 12 })

/** Plays random steps. Each step's arguments contain the step's index, which identifies the change that an undo call reverts. */
async function walk(director: Director, script: readonly Step[]): Promise<void> {
  const undos: (() => Promise<void>)[] = []
  for (const [index, step] of script.entries()) {
    if (step === 'load') await director.load(100 + index)
    if (step === 'fault') undos.push(await director.fault('pause', `ws-${index}`, 'it hangs'))
    if (step === 'store') undos.push(await director.stopStore())
    if (step === 'pause') undos.push(await director.pauseScaler())
    if (step === 'settings') undos.push(await director.setScaleDown({ windowSeconds: 0, pods: 9, periodSeconds: 1 }, 'new'))
    if (step === 'undo') await undos[index % (undos.length || 1)]?.()
    if (step === 'until') await director.until('two replicas', ({ replicas }) => replicas.length >= 2, 10)
    if (step === 'say') await director.say('{replicas} replicas')
  }
}

/** Returns the call that undoes the given call. */
function undoOf(call: string): string | undefined {
  const [, name, replica] = /^fault (\S+) (\S+)$/.exec(call) ?? []
  if (name !== undefined) return `end ${name} ${replica}`
  return { 'store false': 'store true', 'paused true': 'paused false', 'settings new': 'settings before' }[call]
}
const isUndo = (call: string) => /^(end |store true|paused false|settings before|load 0$)/.test(call)

/** Returns the calls that have not been undone, as well as undo calls that match no earlier call. */
function balance(calls: readonly string[]): string[] {
  const open: string[] = []
  for (const call of calls) {
    if (/^load [1-9]/.test(call)) {
      if (!open.includes('load 0')) open.push('load 0')
    } else if (isUndo(call)) {
      const at = open.lastIndexOf(call)
      if (at < 0) return [`${call} too often`]
      open.splice(at, 1)
    } else open.push(undoOf(call) ?? call)
  }
  return open
}

/** Returns the final undo calls that the director must make: one for each change still in effect, newest first. */
function expectedAtEnd(calls: readonly string[], undos: number): string[] {
  return balance(calls.slice(0, calls.length - undos)).reverse()
}

const trailing = (calls: readonly string[]) => {
  const others = calls.findLastIndex((call) => !isUndo(call))
  return calls.slice(others + 1)
}

test('when any call fails, that call and all earlier changes are undone once, in reverse order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(15), async (script, failsAt) => {
      const { lab, verdict, text } = await perform((director) => walk(director, script), { failsAt })
      expect(balance(lab.calls)).toEqual([])
      const failed = lab.calls[failsAt]
      expect(verdict).toBe(failed === undefined ? 'passed' : 'failed')
      if (failed !== undefined) expect(text).toContain(`${failed}: refused`)
      if (failed === undefined || isUndo(failed)) return
      // After a failed call, the director only calls undo functions.
      const end = lab.calls.slice(failsAt + 1)
      expect(end).toEqual(expectedAtEnd(lab.calls, end.length))
      expect(lab.unusual()).toEqual([])
    }),
  )
})

test('an interrupt at any event, including during the undo, leaves nothing changed', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(30), async (script, at) => {
      const clock = fakeClock(1_700_000_000)
      const stop = new AbortController()
      const lab = fakeLab({ clock })
      const events: DemoEvent[] = []
      const onEvent = (event: DemoEvent) => {
        if (events.push(event) === at) stop.abort()
      }
      const { verdict } = await playScene(
        scene((director) => walk(director, script)),
        lab,
        { seed: 1, clock, beginFault: lab.beginFault, onEvent, signal: stop.signal },
      )
      expect(balance(lab.calls)).toEqual([])
      expect(lab.unusual()).toEqual([])
      const end = trailing(lab.calls)
      // After an interrupt, the undo calls that the scene itself requested come before all others, so the order of the undo calls is not
      // compared.
      const expected = expectedAtEnd(lab.calls, end.length)
      if (verdict === 'interrupted') expect([...end].sort()).toEqual([...expected].sort())
      expect(events.at(-1)?.kind).toBe('end')
      expect(['passed', 'interrupted']).toContain(verdict)
    }),
  )
})

test('a failing undo does not prevent the others, and is reported with the verdict', async () => {
  const { verdict, text, lab } = await perform(
    async (director) => {
      await director.pauseScaler()
      await director.stopStore()
      await director.fault('pause', 'ws-1', 'it hangs')
    },
    { fails: (call) => call === 'store true' },
  )
  expect(lab.calls.slice(3)).toEqual(['end pause ws-1', 'store true', 'paused false'])
  expect({ verdict, text }).toEqual({
    verdict: 'failed',
    text: 'every fact was met; not undone: Valkey is back (store true: refused)',
  })
})

test('an unmet fact ends the scene and reports the actual readings', async () => {
  const { verdict, text, lab, events } = await perform(async (director) => {
    await director.load(40)
    await director.until('nine replicas', ({ replicas }) => replicas.length === 9, 5)
    await director.load(80)
  })
  expect({ verdict, text }).toEqual({
    verdict: 'failed',
    text: 'nine replicas: not within 5 s; seen: sockets: ws-1 20, ws-2 20; the scaler wants 2',
  })
  expect(lab.calls).toEqual(['load 40', 'load 0'])
  expect(events.map(({ kind }) => kind).filter((kind) => kind !== 'decision')).toEqual(['scene', 'load', 'unmet', 'undo', 'end'])
})

test('a failed read meets no fact, and the director retries it until the time limit', async () => {
  let readings = 0
  const onRead = () => {
    if (++readings < 4) throw new Error('no answer')
  }
  const met = await perform(async (director) => void (await director.until('it is there', () => true, 5)), { onRead })
  expect(met.verdict).toBe('passed')
  const never = () => {
    throw new Error('no answer')
  }
  const unmet = await perform(async (director) => void (await director.until('it is there', () => true, 5)), { onRead: never })
  expect(unmet.text).toBe('it is there: not within 5 s; seen: no answer')
})

test('throughout checks its fact in every reading until the end', async () => {
  const { text, events } = await perform(async (director) => {
    await director.throughout('few readings', () => true, 2)
    let readings = 0
    await director.throughout('three readings', () => ++readings <= 3, 30)
  })
  expect(events.find(({ kind }) => kind === 'fact')).toMatchObject({ what: 'few readings, all the while', tookSeconds: 2 })
  expect(text).toContain('three readings, all the while: not within 30 s')
})

test('a failing deploy is observed until it is rolled back, and the scene fails if its fact does not hold meanwhile', async () => {
  const replicasStay = (atLeast: number) => (director: Director) =>
    director.deployFailing('replicas stay', ({ replicas }) => replicas.length >= atLeast, 5).then(() => undefined)
  const good = await perform(replicasStay(2))
  expect(good.verdict).toBe('passed')
  expect(good.lab.calls).toEqual(['failing deploy'])
  expect(good.events.map(({ kind }) => kind).filter((kind) => kind !== 'decision')).toEqual(['scene', 'action', 'fact', 'undo', 'end'])
  expect((await perform(replicasStay(3))).text).toMatch(/^replicas stay, until the deploy is rolled back: not within 5 s/)
  expect((await perform(replicasStay(2), { failsAt: 0 })).text).toContain('failing deploy: refused')
})

test('a caption contains only measured numbers', async () => {
  const { events, verdict } = await perform(async (director) => {
    await director.load(30)
    await director.say('{sockets} sockets on {replicas}, {mine}', { mine: { value: 1.5, unit: 's', source: 'a watch' } })
  })
  expect(verdict).toBe('passed')
  expect(events.find(({ kind }) => kind === 'say')).toMatchObject({
    text: '30 sockets on 2, 1.5',
    numbers: { sockets: { value: 30, unit: 'sockets', source: "the fake's sockets" }, replicas: { value: 2 }, mine: { value: 1.5 } },
  })
  expect((await perform((director) => director.say('5 replicas'))).text).toContain('contains a number that was not measured')
  expect((await perform((director) => director.say('{nothing} replicas'))).text).toContain('there is no figure named nothing')
})

test('a caption uses the singular for one', async () => {
  const { events } = await perform(async (director) => {
    await director.load(1)
    const one = { value: 1, unit: '', source: 'a count' }
    await director.say('{sockets} sockets are open. {replicas} replicas are there, {lost} messages were lost, {took} s later.', {
      lost: one,
      took: one,
    })
  })
  expect(events.find(({ kind }) => kind === 'say')).toMatchObject({
    text: '1 socket is open. 2 replicas are there, 1 message was lost, 1 s later.',
  })
})

test('the same seed gives the same random picks', async () => {
  const picks: number[][] = []
  for (let i = 0; i < 2; i++) {
    const picked: number[] = []
    picks.push(picked)
    await perform(async (director) => {
      for (let n = 0; n < 20; n++) picked.push(director.pick([1, 2, 3, 4]))
    })
  }
  expect(picks[0]).toEqual(picks[1])
  expect(new Set(picks[0]).size).toBeGreaterThan(2)
})

test('an event log that cannot be written ends the scene, and its changes are undone', async () => {
  const full = (event: DemoEvent) => {
    if (!['scene', 'load', 'decision'].includes(event.kind)) throw new Error('disk full')
  }
  const { verdict, text, lab } = await perform(
    async (director) => {
      await director.load(10)
      await director.chapter('next')
    },
    {},
    { onEvent: full },
  )
  expect({ verdict, text }).toEqual({ verdict: 'failed', text: 'disk full; disk full' })
  expect(lab.calls).toEqual(['load 10', 'load 0'])
})

test('a missing part of the lab is reported before the scene changes anything', async () => {
  const clock = fakeClock(1_700_000_000)
  const lab = fakeLab({ clock, has: { store: false } })
  const { beginFault } = lab
  const wants: Scene = { ...scene((director) => director.load(1)), needs: ['store'] }
  const played = await playScene(wants, lab, { seed: 1, clock, beginFault, onEvent: () => undefined, signal: new AbortController().signal })
  expect(played).toEqual({ verdict: 'failed', text: expect.stringContaining('the store of this lab cannot be stopped') })
  expect(lab.calls).toEqual([])
})

test('events survive a round trip, and an invalid line is reported with its number', async () => {
  const { events } = await perform((director) => walk(director, ['load', 'until', 'say', 'fault', 'undo']))
  expect(readEvents(events.map((event) => `${JSON.stringify(event)}\n`).join(''))).toEqual(events)
  expect(() => readEvents('{"kind":"chapter","at":1,"seconds":1}\n')).toThrow(/line 1: title/)
  expect(() => readEvents('\nhello\n')).toThrow(/line 2/)
})

test('two plays with the same facts give the same transcript', async () => {
  const play = async (director: Director) => {
    await director.chapter('At rest')
    await director.say('{replicas} replicas and {sockets} sockets.')
    await director.chapter('Under load')
    await director.load(450)
    const { took } = await director.until(
      'five replicas',
      ({ replicas }) => replicas.filter(({ state }) => state === 'ready').length === 5,
      20,
    )
    await director.say('It took {took} seconds; the fullest has {fullest}.', { took })
    await director.note('from load to five', took)
    await director.still('at-maximum')
    await director.fault('kill', director.pick(['ws-1', 'ws-2', 'ws-3']), 'a crash')
  }
  const [first, second] = [await perform(play), await perform(play)]
  expect(transcriptOf(first.events)).toBe(transcriptOf(second.events))
  expect(transcriptOf(first.events)).toMatchInlineSnapshot(`
    "test: a test
    on embedded, seed 7; the scaler's clock runs 5 times as fast

    == At rest
       0.0 s  ~ 2 → 2
       0.0 s  2 replicas and 0 sockets.

    == Under load
       0.0 s  > load: 450 sockets
       3.0 s  ~ 2 → 5
       4.0 s  ✓ five replicas (after 4 s)
       4.0 s  It took 4 seconds; the fullest has 90.
       4.0 s    from load to five: 4 s
       4.0 s  ! a crash
       4.0 s  < kill of ws-3 is over
       4.0 s  < the load ends

    passed: every fact was met
    "
  `)
})
