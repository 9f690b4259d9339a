/** Runs a small storm on a real embedded lab, as a user would. */
import { lab } from '@lab/embedded/test/lab-process.ts'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { StormReport } from './command.ts'
import { peakOf } from './compare.ts'

const root = new URL('../..', import.meta.url).pathname

const command = (...args: string[]) =>
  execa(process.execPath, ['tools/cli/src/main.ts', 'storm', ...args], { cwd: root, reject: false, stdin: 'ignore', timeout: 100_000 })

test('disconnects a hundred sockets twice, and restores the lab', { timeout: 150_000 }, async () => {
  const started = await lab('--replicas', '3')
  onTestFinished(() => started.end())
  const ran = await command('--page', started.page, '--sockets', '100', '--json')
  expect([0, 1], ran.stderr).toContain(ran.exitCode)
  const { lab: where, naive, jittered, problems, peakRatio } = JSON.parse(ran.stdout) as StormReport
  expect(where).toEqual({ kind: 'embedded', name: started.page })
  for (const one of [naive, jittered]) {
    expect(one.lost).toBeGreaterThanOrEqual(95)
    expect(one.back).toBe(one.lost)
    expect(one.backMs.max).toBeGreaterThan(0)
    expect(peakOf(one)).toBeGreaterThan(0)
    expect(one.damage.down).toEqual([])
    expect(one.damage.asked).toBeGreaterThan(0)
  }
  // Each disconnected client must have tried to reconnect at least once.
  for (const { lost, dialsPerSecond } of [naive, jittered]) expect(dialsPerSecond.reduce((sum, n) => sum + n)).toBeGreaterThanOrEqual(lost)
  // With so few sockets, one failed check is acceptable: the jittered clients' peak may exceed a fifth of the naive clients' peak.
  expect(peakRatio).toBeGreaterThan(0)
  expect(problems.filter((problem) => !problem.includes('wanted 1/5 or less'))).toEqual([])
  expect(ran.exitCode).toBe(problems.length === 0 ? 0 : 1)
  const { replicas, scaler } = await started.state()
  expect(replicas.map(({ state }) => state)).toEqual(['ready', 'ready', 'ready'])
  expect(scaler.paused).toBe(false)
})

test.each([
  [['--page', 'http://127.0.0.1:1'], 'no embedded lab at http://127.0.0.1:1'],
  [['--on', 'compose', '--page', 'http://127.0.0.1:1'], '--page is for the embedded lab'],
  [['--on', 'embedded', '--entry', 'ws://127.0.0.1:1'], '--entry is for the Compose lab'],
  [['--sockets', '5'], 'allowed is a whole number from 10 to 10000'],
])('%j cannot be tried, and reports why', { timeout: 30_000 }, async (args, why) => {
  const { exitCode, stderr } = await command(...args)
  expect(stderr).toContain(why)
  expect(exitCode).toBe(2)
})
