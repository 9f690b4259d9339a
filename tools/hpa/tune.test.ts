/** Tests the search of `./lab hpa tune`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '@lab/host/root.ts'
import { defaultControllerOptions } from '@lab/scaler/core/types.ts'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { readExpectations } from './core/expectations.ts'
import { loadOfCurves } from './core/load-curve.ts'
import { allSettings, type Candidate, frontOf, tune, tuneText, withSettings } from './core/tune.ts'
import { autoscalerOf } from './test-command.ts'

const file = 'tools/hpa/examples/lab.test.yaml'
const hpa = autoscalerOf(join(root, 'scaler/hpa.yaml'), undefined)
const expectations = readExpectations(readFileSync(join(root, file), 'utf8'), file)
if (!hpa.ok || !expectations.ok) throw new Error('the example is invalid')
const played = loadOfCurves(expectations.value, hpa.value.hpa, defaultControllerOptions, file)
if (!played.ok) throw new Error(played.problems.join())
const { hpa: settings, load } = played.value

test('the front contains only candidates that no other one beats, and is the same for the same seed', () => {
  const tuned = tune(settings, load, { tries: 60, seed: 3 })
  expect(tuned.tried).toBe(60)
  expect(tuned.front.length).toBeGreaterThan(2)
  expect(frontOf(tuned.front)).toEqual(tuned.front)
  expect(frontOf([tuned.current, ...tuned.front])).toEqual(tuned.front)
  expect(tune(settings, load, { tries: 60, seed: 3 })).toEqual(tuned)
  expect(tune(settings, load, { tries: 60, seed: 4 }).front).not.toEqual(tuned.front)
  expect(tuneText('hpa.yaml', tuned)).toMatch(/^TARGETS .*\n100 +0s +120s +\d+ +\d+s +\d+ +10 +the file\n/)
})

test('a lower target costs more and is above the target for less time, measured with the targets of the file', () => {
  const half = withSettings(settings, { targetPercent: 50, upWindowSeconds: 15, downWindowSeconds: 60 })
  expect(half.metrics[0]?.target).toMatchObject({ averageValueMilli: 50_000 })
  expect(half.behavior).toMatchObject({ scaleUp: { stabilizationWindowSeconds: 15 }, scaleDown: { stabilizationWindowSeconds: 60 } })
  const front = tune(settings, load, { tries: 100, seed: 1 }).front.map(({ figures }) => figures)
  const [cheap, dear] = [front[0], front.at(-1)]
  expect(cheap?.replicaSeconds).toBeLessThan(dear?.replicaSeconds ?? 0)
  expect(cheap?.aboveTargetSeconds).toBeGreaterThan(dear?.aboveTargetSeconds ?? 0)
})

test('of equal candidates, the first one remains', () => {
  const one = (title: string, replicaSeconds: number, aboveTargetSeconds: number, changes: number): Candidate => ({
    title,
    targetPercent: 100,
    upWindowSeconds: 0,
    downWindowSeconds: 0,
    targets: [],
    figures: { replicaSeconds, aboveTargetSeconds, changes, peakReplicas: 1 },
  })
  const front = frontOf([one('a', 10, 5, 2), one('b', 10, 5, 2), one('c', 9, 6, 2), one('d', 11, 5, 2), one('e', 20, 5, 1)])
  expect(front.map(({ title }) => title)).toEqual(['c', 'a', 'e'])
})

test('every combination is tried if there are enough tries', () => {
  const short = { ...load, ticks: load.ticks.slice(0, 2) }
  expect(tune(settings, short, { tries: allSettings.length, seed: 1 }).tried).toBe(allSettings.length)
})

test.each([
  [['scaler/hpa.yaml'], /^lab: give a file with a load, or --from, but not both/],
  [['scaler/hpa.yaml', file, '--tries', '0'], /^lab: --tries 0: allowed is a whole number from 1 to 1632/],
])('%j exits with 2 and one line', async (words, says) => {
  const program = join(root, 'tools/cli/src/main.ts')
  const { exitCode, stderr } = await execa(process.execPath, [program, 'hpa', 'tune', ...words], {
    cwd: root,
    reject: false,
    timeout: 60_000,
  })
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(says)])
})
