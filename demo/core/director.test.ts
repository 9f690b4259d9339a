/** Whatever fails where: everything that was begun is taken back, once, the newest first. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fakeClock } from '../../scaler/src/fakes/fake-clock.ts'
import { type FakeSettings, fakeStage } from '../fakes/fake-stage.ts'
import { playScene } from './director.ts'
import type { DemoEvent } from './events.ts'
import { readEvents } from './events.ts'
import type { Director, Scene } from './scene.ts'
import { transcriptOf } from './transcript.ts'

const scene = (play: (director: Director) => Promise<void>): Scene => ({
  name: 'test',
  title: 'a test',
  surfaces: ['embedded'],
  needs: [],
  play,
})

async function perform(play: Scene['play'], fake: Omit<FakeSettings, 'clock'> = {}, more: { onEvent?: (event: DemoEvent) => void } = {}) {
  const clock = fakeClock(1_700_000_000)
  const stop = new AbortController()
  const stage = fakeStage({ clock, ...fake })
  const events: DemoEvent[] = []
  const onEvent = (event: DemoEvent) => {
    events.push(event)
    more.onEvent?.(event)
  }
  const played = await playScene(scene(play), stage, { seed: 7, clock, onEvent, signal: stop.signal })
  return { ...played, events, stage, stop }
}

/** Steps of made-up scenes. */
type Step = 'load' | 'fault' | 'store' | 'pause' | 'settings' | 'undo' | 'until' | 'say'
const steps = fc.array(fc.constantFrom<Step>('load', 'fault', 'store', 'pause', 'settings', 'undo', 'until', 'say'), { maxLength: 12 })

/** Plays the steps; what is to be undone is told apart by a number. */
async function walk(director: Director, script: readonly Step[]): Promise<void> {
  const undos: (() => Promise<void>)[] = []
  for (const [index, step] of script.entries()) {
    if (step === 'load') await director.load(100 + index)
    if (step === 'fault') undos.push(await director.fault('pause', `ws-${index}`, 'it hangs'))
    if (step === 'store') undos.push(await director.storeAway())
    if (step === 'pause') undos.push(await director.pauseScaler())
    if (step === 'settings')
      undos.push(await director.setScaler({ scaleDownWindowSeconds: 0, scaleDownPodsPerPeriod: 9, scaleDownPeriodSeconds: 1 }, 'new'))
    if (step === 'undo') await undos[index % (undos.length || 1)]?.()
    if (step === 'until') await director.until('two replicas', ({ replicas }) => replicas.length >= 2, 10)
    if (step === 'say') await director.say('{replicas} replicas')
  }
}

/** How a call is taken back. */
function undoOf(call: string): string | undefined {
  const [, name, replica] = /^fault (\S+) (\S+)$/.exec(call) ?? []
  if (name !== undefined) return `end ${name} ${replica}`
  return { 'store false': 'store true', 'paused true': 'paused false', 'settings new': 'settings before' }[call]
}
const isUndo = (call: string) => /^(end |store true|paused false|settings before|load 0$)/.test(call)

/** What is left of the calls when each undo has taken away what it undoes; undos that undo nothing are returned as well. */
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

/** The undos at the end, which are the director's: those of what was open then, the newest first. */
function expectedAtEnd(calls: readonly string[], undos: number): string[] {
  return balance(calls.slice(0, calls.length - undos)).reverse()
}

const trailing = (calls: readonly string[]) => {
  const others = calls.findLastIndex((call) => !isUndo(call))
  return calls.slice(others + 1)
}

test('any call may fail: what was begun is undone once, in reverse order, that call too', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(15), async (script, failsAt) => {
      const { stage, verdict, text } = await perform((director) => walk(director, script), { failsAt })
      expect(balance(stage.calls)).toEqual([])
      const failed = stage.calls[failsAt]
      expect(verdict).toBe(failed === undefined ? 'passed' : 'failed')
      if (failed !== undefined) expect(text).toContain(`${failed}: refused`)
      if (failed === undefined || isUndo(failed)) return
      // Nothing but undoing comes after it.
      const end = stage.calls.slice(failsAt + 1)
      expect(end).toEqual(expectedAtEnd(stage.calls, end.length))
      expect(stage.unusual()).toEqual([])
    }),
  )
})

test('it may be interrupted at any event, while it undoes as well', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(30), async (script, at) => {
      const clock = fakeClock(1_700_000_000)
      const stop = new AbortController()
      const stage = fakeStage({ clock })
      const events: DemoEvent[] = []
      const onEvent = (event: DemoEvent) => {
        if (events.push(event) === at) stop.abort()
      }
      const { verdict } = await playScene(
        scene((director) => walk(director, script)),
        stage,
        { seed: 1, clock, onEvent, signal: stop.signal },
      )
      expect(balance(stage.calls)).toEqual([])
      expect(stage.unusual()).toEqual([])
      const end = trailing(stage.calls)
      // Those that the scene itself undid come first.
      const expected = expectedAtEnd(stage.calls, end.length)
      if (verdict === 'interrupted') expect([...end].sort()).toEqual([...expected].sort())
      expect(events.at(-1)?.kind).toBe('end')
      expect(['passed', 'interrupted']).toContain(verdict)
    }),
  )
})

test('an undo that fails keeps none of the others, and is said in the verdict', async () => {
  const { verdict, text, stage } = await perform(
    async (director) => {
      await director.pauseScaler()
      await director.storeAway()
      await director.fault('pause', 'ws-1', 'it hangs')
    },
    { fails: (call) => call === 'store true' },
  )
  expect(stage.calls.slice(3)).toEqual(['end pause ws-1', 'store true', 'paused false'])
  expect({ verdict, text }).toEqual({
    verdict: 'failed',
    text: 'every fact was met; not undone: Valkey is back (store true: refused)',
  })
})

test('an unmet fact ends the scene with what was seen instead', async () => {
  const { verdict, text, stage, events } = await perform(async (director) => {
    await director.load(40)
    await director.until('nine replicas', ({ replicas }) => replicas.length === 9, 5)
    await director.load(80)
  })
  expect({ verdict, text }).toEqual({
    verdict: 'failed',
    text: 'nine replicas: not within 5 s; seen: sockets: ws-1 20, ws-2 20; the scaler wants 2',
  })
  expect(stage.calls).toEqual(['load 40', 'load 0'])
  expect(events.map(({ kind }) => kind).filter((kind) => kind !== 'decision')).toEqual(['scene', 'load', 'unmet', 'undo', 'end'])
})

test('a lab that cannot be read meets no fact, and is waited for', async () => {
  let looks = 0
  const onLook = () => {
    if (++looks < 4) throw new Error('nobody answers')
  }
  const met = await perform(async (director) => void (await director.until('it is there', () => true, 5)), { onLook })
  expect(met.verdict).toBe('passed')
  const never = () => {
    throw new Error('nobody answers')
  }
  const unmet = await perform(async (director) => void (await director.until('it is there', () => true, 5)), { onLook: never })
  expect(unmet.text).toBe('it is there: not within 5 s; seen: nobody answers')
})

test('what has to hold all the while is looked at all the while', async () => {
  const { text, events } = await perform(async (director) => {
    await director.throughout('few looks', () => true, 2)
    let looks = 0
    await director.throughout('three looks', () => ++looks <= 3, 30)
  })
  expect(events.find(({ kind }) => kind === 'fact')).toMatchObject({ what: 'few looks, all the while', tookSeconds: 2 })
  expect(text).toContain('three looks, all the while: not within 30 s')
})

test('a text has no number but those that were measured', async () => {
  const { events, verdict } = await perform(async (director) => {
    await director.load(30)
    await director.say('{sockets} sockets on {replicas}, {mine}', { mine: { value: 1.5, unit: 's', source: 'a watch' } })
  })
  expect(verdict).toBe('passed')
  expect(events.find(({ kind }) => kind === 'say')).toMatchObject({
    text: '30 sockets on 2, 1.5',
    numbers: { sockets: { value: 30, unit: 'sockets', source: "the fake's sockets" }, replicas: { value: 2 }, mine: { value: 1.5 } },
  })
  expect((await perform((director) => director.say('5 replicas'))).text).toContain('a number that nobody measured')
  expect((await perform((director) => director.say('{nothing} replicas'))).text).toContain('there is no figure nothing')
})

test('one of a thing is said in the singular', async () => {
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

test('the same seed picks the same', async () => {
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

test('a log that cannot be written ends the scene, and it is undone', async () => {
  const full = (event: DemoEvent) => {
    if (!['scene', 'load', 'decision'].includes(event.kind)) throw new Error('disk full')
  }
  const { verdict, text, stage } = await perform(
    async (director) => {
      await director.load(10)
      await director.chapter('next')
    },
    {},
    { onEvent: full },
  )
  expect({ verdict, text }).toEqual({ verdict: 'failed', text: 'disk full; disk full' })
  expect(stage.calls).toEqual(['load 10', 'load 0'])
})

test('what a scene needs and the lab has not is said before anything is done', async () => {
  const clock = fakeClock(1_700_000_000)
  const stage = fakeStage({ clock, has: { store: false } })
  const wants: Scene = { ...scene((director) => director.load(1)), needs: ['store'] }
  const played = await playScene(wants, stage, { seed: 1, clock, onEvent: () => undefined, signal: new AbortController().signal })
  expect(played).toEqual({ verdict: 'failed', text: 'there is no Valkey' })
  expect(stage.calls).toEqual([])
})

test('events are read as they were written; a line that is none is named', async () => {
  const { events } = await perform((director) => walk(director, ['load', 'until', 'say', 'fault', 'undo']))
  expect(readEvents(events.map((event) => `${JSON.stringify(event)}\n`).join(''))).toEqual(events)
  expect(() => readEvents('{"kind":"chapter","at":1,"seconds":1}\n')).toThrow(/line 1: title/)
  expect(() => readEvents('\nhello\n')).toThrow(/line 2/)
})

test('the same facts give the same transcript', async () => {
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
       4.0 s  < kill of ws-1 is over
       4.0 s  < the load ends

    passed: every fact was met
    "
  `)
})
