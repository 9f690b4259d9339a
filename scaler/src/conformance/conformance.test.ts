import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scenarioSchema } from './cases.ts'
import { differences, upstreamDifferences } from './compare.ts'
import { stringifyExactly } from './exact-json.ts'
import { readBundledCases, readLines } from './files.ts'
import { replayScenario } from './replay.ts'
import type { Report } from './run.ts'
import { reportText, runAll } from './run.ts'

const folder = fileURLToPath(new URL('../../conformance/', import.meta.url))
const publicCases = join(folder, 'public.jsonl')

describe('every bundled case', () => {
  let report: Report
  beforeAll(async () => {
    report = runAll(await readBundledCases())
  })

  test('passes on every level', () => {
    expect(report.failures).toEqual([])
    expect(report.counts.filter(({ passed, total }) => passed !== total)).toEqual([])
  })

  test('is counted in the report', () => {
    const totals = Object.fromEntries(report.counts.map(({ what, total }) => [what, total]))
    expect(totals).toMatchObject({
      'public.jsonl scale': 60,
      'public.jsonl events': 60,
      'corners-public.jsonl metrics': 103,
      'upstream.jsonl why': 165,
      "assertions of Kubernetes' unit tests": 165,
      'table convertDesiredReplicasWithBehaviorRate': 41,
      'table groupPods': 14,
      specifications: 20,
      files: 99,
    })
    expect(Object.keys(totals).filter((what) => what.startsWith('metric '))).toHaveLength(9)
    expect(reportText(report)).toContain('165/165   100 %')
  })
})

test('amounts beyond 2^53 are read, calculated and printed exactly', async () => {
  const [scenario] = (await readLines(join(folder, 'corners-public.jsonl'), scenarioSchema)).filter(({ id }) => id === 'mem-tb-1')
  if (scenario === undefined) throw new Error('no case')
  expect(stringifyExactly(replayScenario(scenario))).toContain('"averageValueMilli":2858284563504474794')
})

test('messages and the order of conditions are as expected, too', async () => {
  for (const scenario of await readLines(publicCases, scenarioSchema)) {
    const { steps } = replayScenario(scenario)
    expect(steps.map(({ actual }) => actual)).toEqual(scenario.steps.map(({ expected }) => expected))
  }
})

test('a wrong answer is reported with its level', async () => {
  const [scenario] = await readLines(publicCases, scenarioSchema)
  if (scenario === undefined) throw new Error('no case')
  const answer = replayScenario(scenario)
  const [first, ...rest] = answer.steps
  if (first === undefined) throw new Error('no step')
  const { actual } = first
  const changed = (change: Partial<typeof actual>) => ({ ...answer, steps: [{ ...first, actual: { ...actual, ...change } }, ...rest] })
  const levelsOf = (change: Partial<typeof actual>) => differences(scenario, changed(change)).map(({ level }) => level)
  expect(levelsOf({})).toEqual([])
  expect(levelsOf({ desiredReplicas: 99 })).toEqual(['scale'])
  expect(levelsOf({ stabilizedRecommendation: 99 })).toEqual(['why'])
  expect(levelsOf({ metrics: [] })).toEqual(['metrics'])
  expect(levelsOf({ conditions: actual.conditions.slice(1) })).toEqual(['conditions'])
  expect(levelsOf({ conditions: actual.conditions.toReversed() })).toEqual([])
  expect(levelsOf({ events: [{ type: 'Warning', reason: 'FailedRescale', message: '' }] })).toEqual(['events'])
  expect(differences(scenario, { ...answer, steps: [] })).toHaveLength(5)
  expect(upstreamDifferences({ ...scenario, upstream: { desiredReplicas: 99 } }, answer)).toHaveLength(1)
})

describe('the command', () => {
  const main = fileURLToPath(new URL('../../../tools/cli/src/main.ts', import.meta.url))
  let workFolder: string
  beforeAll(async () => {
    workFolder = await mkdtemp(join(tmpdir(), 'conformance-'))
  })
  afterAll(() => rm(workFolder, { recursive: true }))

  /** Runs the command. Returns the exit code and both output streams. */
  const run = async (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const options = { maxBuffer: 64 * 1024 * 1024, timeout: 20_000, cwd: workFolder }
    return promisify(execFile)(process.execPath, [main, 'conformance', ...args], options).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    )
  }

  test('prints an answer for each step of a file without `expected`', async () => {
    const lines = (await readFile(publicCases, 'utf8')).trim().split('\n').slice(0, 3)
    const bare = lines.map((line) => {
      const scenario = JSON.parse(line) as { steps: { expected?: unknown }[] }
      for (const step of scenario.steps) delete step.expected
      return JSON.stringify(scenario)
    })
    await writeFile(join(workFolder, 'bare.jsonl'), `${bare.join('\n')}\n`)
    const { code, stdout } = await run('--answers', 'bare.jsonl')
    expect(code).toBe(0)
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const wanted = lines.map((line) => {
      const { id, steps } = JSON.parse(line)
      return { id, steps: steps.map(({ t, expected }: { t: number; expected: unknown }) => ({ t, actual: expected })) }
    })
    expect(answers).toEqual(wanted)
  })

  test('validates specifications', async () => {
    const { code, stdout } = await run('--specs', join(folder, 'specs-public.jsonl'))
    expect(code).toBe(0)
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(results).toHaveLength(20)
    expect(results[0]).toEqual({ id: 'spec-001', valid: true, errors: [] })
    expect(results[2]).toMatchObject({ id: 'spec-007', valid: false, errors: [{ field: 'spec.minReplicas', type: 'FieldValueInvalid' }] })
  })

  test('validates YAML files', async () => {
    const { code, stdout } = await run('--yaml', join(folder, 'yaml-public.jsonl'))
    expect(code).toBe(0)
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(results).toHaveLength(99)
    expect(results[0]).toEqual({ id: 'f-001', valid: true, errors: [] })
    const text = 'spec.scaleTargetRef.name: Required value'
    expect(results[4]).toEqual({
      id: 'f-015',
      valid: false,
      errors: [{ field: 'spec.scaleTargetRef.name', type: 'FieldValueRequired', text }],
    })
  })

  test.each<[string, string, string[], RegExp]>([
    ['a broken line', '{"id":"a"}\n{"id":', ['--specs', 'bad.jsonl'], /bad\.jsonl:1: not a case: hpa: /],
    ['a line that is not JSON', 'x\n', ['--answers', 'bad.jsonl'], /bad\.jsonl:1: not JSON: /],
    ['a missing file', '', ['--answers', 'nowhere.jsonl'], /nowhere\.jsonl: cannot be read: ENOENT/],
    ['an unknown option', '', ['--answer', 'x'], /unknown option '--answer'/],
    ['both options', '', ['--answers', 'x', '--specs', 'y'], /'--answers <file>' cannot be used with option '--specs <file>'/],
  ])('%s causes one line of error and exit code 2', async (_what, text, args, message) => {
    await writeFile(join(workFolder, 'bad.jsonl'), text)
    const { code, stdout, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})
