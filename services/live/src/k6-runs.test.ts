/** Tests which k6 runs the live page's server knows, and how a change of the number of sockets reaches their virtual users. */
import { loadControl } from '@lab/contract/load-control.ts'
import { expect, test } from 'vitest'
import { K6Runs, loadPoll } from './k6-runs.ts'

const { pollEveryMs, silentAfterMs } = loadControl
const poll = (run: string, vu = 0, open = 50, wanted = 100) => ({ run, vu, open, wanted })

test('without a run, there is nothing to report', () => {
  expect(new K6Runs().report(0)).toBeNull()
})

test('a run is the sum of its virtual users, and is forgotten when it no longer polls', () => {
  const runs = new K6Runs()
  expect(runs.poll(poll('a', 0, 50), 1000)).toEqual({ change: null })
  runs.poll(poll('a', 1, 40), 1000)
  runs.poll(poll('a', 1, 45), 2000)
  expect(runs.report(2000)).toEqual({ wanted: 100, open: 95 })
  expect(runs.report(2000 + silentAfterMs)).not.toBeNull()
  expect(runs.report(2001 + silentAfterMs)).toBeNull()
})

test('every virtual user gets the change, also one that polls later, and it applies after a polling interval', () => {
  const runs = new K6Runs()
  runs.poll(poll('a', 0), 0)
  runs.want(3000, 500)
  const answer = { change: { sockets: 3000, atMs: 500 + pollEveryMs } }
  expect(runs.poll(poll('a', 0), 600)).toEqual(answer)
  expect(runs.poll(poll('a', 1), 2400)).toEqual(answer)
  expect(runs.report(2400)?.wanted).toBe(3000)
  runs.want(0, 3000)
  expect(runs.poll(poll('a', 0, 50, 3000), 3100)).toEqual({ change: { sockets: 0, atMs: 3000 + pollEveryMs } })
  expect(runs.report(3100)?.wanted).toBe(0)
})

test('two runs share the number, and a run that starts later keeps its own', () => {
  const runs = new K6Runs()
  runs.poll(poll('a'), 0)
  runs.poll(poll('b'), 0)
  runs.want(301, 100)
  expect([runs.poll(poll('a'), 200), runs.poll(poll('b'), 200)].map(({ change }) => change?.sockets)).toEqual([151, 150])
  expect(runs.poll(poll('c'), 300)).toEqual({ change: null })
  expect(runs.report(300)?.wanted).toBe(401)
})

test('the number of runs is limited', () => {
  const runs = new K6Runs()
  for (let run = 0; run < 20; run++) runs.poll(poll(`run-${run}`, 0, 1, 1), 0)
  expect(runs.report(0)).toEqual({ wanted: 8, open: 8 })
})

test.each([{}, poll(''), poll('a', -1), poll('a', 0, 0.5), { ...poll('a'), more: 1 }, poll('a', 0, 0, 20_001)])(
  'a poll of %j is refused',
  (body) => expect(loadPoll.safeParse(body).success).toBe(false),
)
