/** One fault from beginning to end: what is undone, and when it counts as come true. The lab is a few lines here; the real one is in tests/chaos/01-chaos.test.ts. */
import { expect, test } from 'vitest'
import type { Plan, Scene, Statement, Step } from './core/types.ts'
import { type RunOptions, runFault } from './run.ts'
import type { World } from './world.ts'

const order = (path: string): Step => ({ kind: 'order', path, body: {} })
const statement = (phase: Statement['phase'], seconds?: number): Statement => ({
  ...{ phase, what: `it shows ${phase}`, look: { kind: 'entry' } },
  ...(seconds !== undefined && { withinSeconds: seconds }),
})
const plan = (statements: Statement[] = []): Plan => ({
  ...{ fault: 'pause', does: 'it stops', notes: [], byHand: [] },
  begin: [order('/one'), order('/two')],
  undo: [order('/back-one'), order('/back-two')],
  statements,
})

/** A lab that writes down what was done to it. @param fails steps that cannot be taken @param held what each look sees */
function lab({ fails = [], held = () => true }: { fails?: string[]; held?: (looks: number) => boolean } = {}) {
  const taken: string[] = []
  let looks = 0
  const world: World = {
    entry: () => 'ws://127.0.0.1:1',
    scene: () => Promise.resolve({} as Scene),
    look: async () => ({ held: held(looks++), seen: 'seen' }),
    take: async (step) => {
      const path = step.kind === 'order' ? step.path : ''
      taken.push(path)
      if (fails.includes(path)) throw new Error(`${path} fails`)
    },
  }
  return { world, taken }
}

const options = (more: Partial<RunOptions> = {}): RunOptions => ({
  ...{ seconds: 0.2, check: false, say: () => undefined, stop: new AbortController().signal },
  ...more,
})
const everything = ['/one', '/two', '/back-one', '/back-two']

test('is begun, lasts, and is undone', async () => {
  const { world, taken } = lab()
  const startedAt = performance.now()
  expect(await runFault(plan(), world, options())).toEqual({ findings: [], leftovers: [], interrupted: false })
  expect(performance.now() - startedAt).toBeGreaterThan(190)
  expect(taken).toEqual(everything)
})

test('is undone when it could be begun by half only', async () => {
  const { world, taken } = lab({ fails: ['/two'] })
  await expect(runFault(plan(), world, options())).rejects.toThrow('/two fails')
  expect(taken).toEqual(everything)
})

test('is undone as far as it can be, and says what is left', async () => {
  const { world, taken } = lab({ fails: ['/back-one'] })
  expect((await runFault(plan(), world, options())).leftovers).toEqual(['/back-one fails'])
  expect(taken).toEqual(everything)
})

test('is undone at once when it is stopped', async () => {
  const { world, taken } = lab()
  const stop = new AbortController()
  const running = runFault(plan(), world, options({ seconds: 600, stop: stop.signal }))
  stop.abort()
  expect(await running).toMatchObject({ interrupted: true, leftovers: [] })
  expect(taken).toEqual(everything)
})

test('a check finds what came true and what did not', async () => {
  // Looked at once in each phase; the second time it does not hold any more.
  const { world } = lab({ held: (looks) => looks < 1 })
  const { findings } = await runFault(plan([statement('during', 1), statement('after', 1)]), world, options({ check: true }))
  expect(findings.map(({ phase, came }) => [phase, came])).toEqual([
    ['during', true],
    ['after', false],
  ])
})

test('a check does not begin while an alert that it waits for fires already', async () => {
  const { world, taken } = lab({ held: () => false })
  const over: Statement = { ...statement('after', 1), look: { kind: 'alert', labels: { alertname: 'ReplicaDown' }, firing: false } }
  await expect(runFault(plan([over]), world, options({ check: true }))).rejects.toThrow('ReplicaDown fires already')
  expect(taken).toEqual([])
})
