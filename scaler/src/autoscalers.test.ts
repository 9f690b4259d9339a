/** Tests that several autoscalers run independently of each other. */
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type AutoscalersPorts, type LoopStart, runAutoscalers } from './autoscalers.ts'
import { hpa as fixture, sockets, type TestLoop, testLoop } from './fakes/test-loop.ts'
import type { LiveFiles, LiveHpa } from './live-files.ts'
import { initialState } from './loop.ts'

let files: LiveFiles
let loops: Map<string, TestLoop>
let said: string[]
let removed: string[]
let prepare: AutoscalersPorts['prepare']
let stop: AbortController
let ended: Promise<void> | undefined
let start: () => void
let wake: (() => void)[]

const live = (name: string): LiveHpa => ({ hpa: { ...fixture, name }, file: 'f', entry: 'f', sharing: [] })
const filesOf = (...names: readonly string[]) => ({ autoscalers: names.map(live), problems: [], hints: [], map: {} as LiveFiles['map'] })

/** Waits until a condition holds; between two looks, every pending sleep ends. */
async function runUntil(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !condition(); i += 1) {
    for (const end of wake.splice(0)) end()
    await setImmediate()
  }
  expect(condition()).toBe(true)
}

beforeEach(() => {
  loops = new Map()
  said = []
  removed = []
  wake = []
  stop = new AbortController()
  const sleep = (_seconds: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      wake.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  prepare = async ({ hpa }): Promise<LoopStart> => {
    const made = loops.get(hpa.name) ?? testLoop({ hpa })
    loops.set(hpa.name, made)
    return { settings: made.settings, ports: { ...made.ports, clock: { ...made.clock, sleep } }, state: initialState }
  }
  start = () => {
    ended = runAutoscalers(
      {
        clock: { nowSeconds: () => 0, sleep },
        reread: async () => files,
        prepare: (found) => prepare(found),
        removed: (name) => removed.push(name),
        ended: () => {},
        say: (line) => said.push(line),
      },
      15,
      stop.signal,
    )
  }
  files = filesOf('a', 'b')
})

afterEach(async () => {
  stop.abort()
  await ended
})

const records = (name: string) => loops.get(name)?.records ?? []

test('each autoscaler decides for itself and writes its own records', async () => {
  const busy = testLoop({ hpa: live('b').hpa })
  await sockets(busy, 500)
  loops.set('b', busy)
  start()
  await runUntil(() => records('a').length > 1 && records('b').length > 1)
  expect(records('a').every(({ hpa, action }) => hpa.name === 'a' && action === null)).toBe(true)
  expect(records('b')[0]).toMatchObject({ hpa: { name: 'b' }, action: { from: 2, result: 'Succeeded' } })
})

test('an action that does not end blocks no other autoscaler', async () => {
  const slow = testLoop({ hpa: live('a').hpa })
  await sockets(slow, 500)
  let begun = false
  let release = () => {}
  const target = {
    ...slow.target,
    scaleTo: () => {
      begun = true
      return new Promise<{ removed: [] }>((resolve) => {
        release = () => resolve({ removed: [] })
      })
    },
  }
  loops.set('a', { ...slow, ports: { ...slow.ports, target } })
  start()
  await runUntil(() => begun && records('b').length > 20)
  expect(records('a')).toEqual([])
  release()
  await runUntil(() => records('a').length > 0)
})

test('an autoscaler that fails is reported, starts again, and blocks no other', async () => {
  const original = prepare
  let failures = 0
  prepare = async (found) => {
    if (found.hpa.name === 'a' && failures++ < 2) throw new Error('no memory left')
    return original(found)
  }
  start()
  await runUntil(() => records('a').length > 0 && records('b').length > 0)
  expect(said).toEqual(Array(2).fill('a: stopped by an error, and starts again: no memory left'))
})

test('autoscalers start and end with the files', async () => {
  start()
  await runUntil(() => records('a').length > 0 && records('b').length > 0)
  files = filesOf('b', 'c')
  await runUntil(() => records('c').length > 0 && removed.length > 0)
  const last = records('a').length
  await runUntil(() => records('b').length > 20)
  expect(records('a')).toHaveLength(last)
  expect([removed, said]).toEqual([['a'], ['a: removed from the files; its replicas stay as they are']])
})
