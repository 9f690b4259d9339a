/** Tests `./lab hpa test`: the format of expectation files, the judgement, and the stories of public HPA files. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '@lab/host/root.ts'
import { defaultControllerOptions } from '@lab/scaler/core/types.ts'
import type { CurvePoint } from '@lab/scaler/replay/replay.ts'
import { replay } from '@lab/scaler/replay/replay.ts'
import { linesOf, simulatedRecords } from '@lab/scaler/sim/records.ts'
import { simulations } from '@lab/scaler/sim/scenarios.ts'
import { execa } from 'execa'
import { afterAll, describe, expect, test } from 'vitest'
import { readExpectations } from './core/expectations.ts'
import { judge } from './core/judge.ts'
import type { RuleName } from './core/lint.ts'
import { lintFile } from './core/lint-file.ts'
import { loadOfCurves } from './core/load-curve.ts'
import { curveText, type TestResult, testJson, testJunit, testSvg, testText } from './core/report.ts'
import { autoscalerOf } from './test-command.ts'

const publicFolder = join(import.meta.dirname, 'public')
const folder = mkdtempSync(join(tmpdir(), 'hpa-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

function written(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

function value<T>(result: { ok: true; value: T } | { ok: false; problems: readonly string[] }): T {
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.value
}

/** Runs an expectation file as the command does. */
function run(file: string, expectationFile: string): TestResult {
  const expectations = value(readExpectations(readFileSync(expectationFile, 'utf8'), expectationFile))
  const hpa = value(autoscalerOf(file, expectations.hpa)).hpa
  const { hpa: settings, load, omitted } = value(loadOfCurves(expectations, hpa, defaultControllerOptions, expectationFile))
  const { points } = replay(file, settings, load)
  return { hpa: file, expectations: expectationFile, verdicts: judge(expectations.expect, points), points, omitted, milliseconds: 1 }
}

describe('public HPA files behave as their stories state', () => {
  /** What lint finds in each file, besides notes. */
  const wrong: Readonly<Record<string, readonly RuleName[]>> = {
    'apply-below-minimum': ['replicas-in-workload'],
    'breach-within-tolerance': ['policy-never-acts'],
    'everything-at-once': [],
    'memory-below-target': [],
    'php-apache': [],
    'pods-or-percent': [],
    'scale-down-disabled': [],
    'scale-up-window': [],
    'skipper-ingress': ['policy-never-acts'],
    'two-hundred-pods': ['period-below-sync'],
    'within-tolerance': [],
  }
  const names = readdirSync(publicFolder)
    .filter((name) => !name.endsWith('.test.yaml'))
    .map((name) => name.replace('.yaml', ''))
    .sort()

  test('there are at least ten', () => {
    expect(names).toEqual(Object.keys(wrong))
    expect(names.length).toBeGreaterThanOrEqual(10)
  })

  test.each(names)('%s', (name) => {
    const file = join(publicFolder, `${name}.yaml`)
    const text = readFileSync(file, 'utf8')
    expect(text.split('apiVersion')[0]?.replaceAll(/\n# /g, ' ')).toMatch(
      /^# .*https:\/\/github.com\/.*licence.*(Apache-2.0|MIT|CC-BY-4.0)/,
    )
    const { verdicts } = run(file, join(publicFolder, `${name}.test.yaml`))
    expect(verdicts.filter(({ met }) => !met)).toEqual([])
    const findings = value(lintFile(text, file, { workloads: undefined, running: null, maxConnections: null }))
    expect(findings.filter(({ severity }) => severity !== 'note').map(({ rule }) => rule)).toEqual(wrong[name])
  })
})

describe('an expectation file', () => {
  const good = `load:
  curves:
    connections: [{ at: 0s, value: 100 }, { at: 1m, value: 1k }]
expect:
  - replicas: { atLeast: 6 }
    within: 90s
`
  const problemsIn = (text: string) => {
    const result = readExpectations(text, 'e.yaml')
    return result.ok ? [] : result.problems
  }

  test('is read', () => {
    expect(value(readExpectations(good, 'e.yaml'))).toEqual({
      load: {
        curves: {
          connections: [
            { at: 0, value: 100_000 },
            { at: 60, value: 1_000_000 },
          ],
        },
      },
      expect: [{ replicas: { atLeast: 6 }, within: 90 }],
    })
  })

  test.each([
    [good.replace('expect:', 'expects:'), [/^e.yaml:4: document: unknown field expects; allowed are hpa, load, workload, expect$/]],
    [good.replace('90s', '90'), [/^e.yaml:6: expect\[0\].within: allowed are durations as in 90s/]],
    [good.replace('90s', '-1s'), [/^e.yaml:6: expect\[0\].within: allowed are durations as in 90s/]],
    [good.replace('atLeast: 6', 'atLeast: six'), [/^e.yaml:5: expect\[0\].replicas.atLeast: allowed is a whole number from 0$/]],
    [good.replace('atLeast', 'least'), [/^e.yaml:5: expect\[0\].replicas: unknown field least; allowed are atLeast, atMost$/]],
    [good.replace('atLeast: 6', ''), [/^e.yaml:5: expect\[0\].replicas: set atLeast, atMost or both$/]],
    [
      `${good}    changes: { atMost: 2 }\n`,
      [/^e.yaml:5: expect\[0\]: set exactly one of replicas, ready, changes, aboveTarget, replicaSeconds$/],
    ],
    [
      good.replace('replicas: { atLeast: 6 }', 'changes: { atMost: 2 }'),
      [/^e.yaml:5: expect\[0\]: within is allowed only with replicas and ready/],
    ],
    [
      good.replace('1k', '-1'),
      [/^e.yaml:3: load.curves.connections\[1\].value: allowed is a number with an optional suffix .*, not below 0$/],
    ],
    [good.replace('at: 0s', 'at: 2m'), [/^e.yaml:3: load.curves.connections: the points must be in the order of time$/]],
    ['a: [', [/^e.yaml:1: /]],
    ['', [/^e.yaml:1: must have one document/]],
    [`${good}---\n${good}`, [/^e.yaml:1: must have one document/]],
  ])('with an error is one clear line', (text, expected) => {
    expect(problemsIn(text)).toEqual(expected.map((pattern) => expect.stringMatching(pattern)))
  })

  const hpa = value(autoscalerOf(join(root, 'scaler/hpa.yaml'), undefined)).hpa
  const load = (text: string) => loadOfCurves(value(readExpectations(text, 'e.yaml')), hpa, defaultControllerOptions, 'e.yaml')
  const named = good.replace('connections', 'websocket_connections_active')

  test.each([
    [good, 'e.yaml: load.curves.connections: the HPA has no such metric; allowed are websocket_connections_active, cpu'],
    [
      good.replace('connections', 'cpu'),
      'e.yaml: workload.requests.cpu: must be set, because the target is a percentage of the request, for example 250m',
    ],
    [named.replace('  curves', '  length: 4d\n  curves'), 'e.yaml: load.length: 345600 s are 23041 decisions; allowed are 17280'],
    [named.replace(/load:[\s\S]*expect/, 'expect'), 'e.yaml: load: must be set, unless the load is read with --from'],
  ])('that does not fit the HPA is one clear line', (text, says) => {
    expect(load(text)).toEqual({ ok: false, problems: [says] })
  })

  test('lasts until the last point or the last expectation', () => {
    expect(value(load(named)).load.ticks.at(-1)?.timeSeconds).toBe(90)
    expect(value(load(`${named}    after: 5m\n`)).load.ticks.at(-1)?.timeSeconds).toBe(390)
  })
})

describe('the judgement', () => {
  /** A curve with a decision every 15 s. */
  const curve = (...rows: readonly (readonly [replicas: number, needed: number, ready?: number])[]): CurvePoint[] =>
    rows.map(([replicas, needed, ready = replicas], i) => ({
      timeSeconds: 1000 + i * 15,
      replicas,
      ready,
      needed,
      changed: i > 0 && replicas !== rows[i - 1]?.[0],
    }))
  const points = curve([2, 2], [4, 6, 2], [6, 6, 4], [6, 6, 6], [5, 3], [4, 3], [4, 3])
  const verdict = (text: string) => {
    const [first] = judge(value(readExpectations(`expect: [${text}]`, 'e.yaml')).expect, points)
    return `${first?.met ? 'ok' : 'no'}: ${first?.observed}`
  }

  test.each([
    ['{ replicas: { atLeast: 6 }, within: 30s }', 'ok: 6 at 30 s, 30 s later'],
    ['{ replicas: { atLeast: 6 }, within: 29s }', 'no: 6 at 30 s, 30 s later'],
    ['{ replicas: { atLeast: 7 }, within: 30s }', 'no: never at least 7; the closest was 6 at 30 s'],
    ['{ replicas: { atMost: 4 }, after: 45s, within: 30s }', 'ok: 4 at 75 s, 30 s later'],
    ['{ replicas: { atLeast: 2, atMost: 6 } }', 'ok: 2 to 6'],
    ['{ replicas: { atMost: 5 } }', 'no: 6 at 30 s'],
    ['{ replicas: { atMost: 5 }, after: 60s }', 'ok: 4 to 5'],
    ['{ replicas: { atMost: 4 }, until: 20s }', 'ok: 2 to 4'],
    ['{ ready: { atLeast: 6 }, within: 45s }', 'ok: 6 at 45 s, 45 s later'],
    ['{ changes: { atMost: 4 } }', 'ok: 4 changes, from 15 s to 75 s'],
    ['{ changes: { atMost: 1, in: 20s } }', 'no: 2 changes, from 15 s to 30 s'],
    ['{ changes: { atMost: 1, in: 15s } }', 'ok: 1 change, from 15 s to 15 s'],
    ['{ aboveTarget: { longest: 30s } }', 'ok: 30 s from 15 s on'],
    ['{ aboveTarget: { longest: 29s } }', 'no: 30 s from 15 s on'],
    ['{ aboveTarget: { total: 29s } }', 'no: 30 s from 15 s on; 30 s in total'],
    ['{ replicaSeconds: { atMost: 405 } }', 'ok: 405 replica-seconds'],
    ['{ replicaSeconds: { atMost: 404 } }', 'no: 405 replica-seconds'],
    ['{ replicas: { atMost: 4 }, after: 10m }', 'ok: always 4'],
  ])('%s', (text, says) => {
    expect(verdict(text)).toBe(says)
  })

  test('an unmet expectation is shown in each format', () => {
    const [met, unmet] = judge(
      value(readExpectations('expect: [{ replicas: { atMost: 6 } }, { replicas: { atMost: 5 }, name: "a < b" }]', 'e')).expect,
      points,
    )
    const result: TestResult = {
      hpa: 'h.yaml',
      expectations: 'e.yaml',
      verdicts: [met, unmet].flatMap((one) => one ?? []),
      points,
      omitted: ['cpu'],
      milliseconds: 3,
    }
    expect(testText([result])).toMatch(/1 of 2 expectations met, in 3 ms\n {2}ok .*\n {2}FAILED a < b .*6 at 30 s\n.*cpu\n\n {6}6 │/)
    expect(testText([{ ...result, verdicts: result.verdicts.slice(0, 1) }])).not.toContain('│')
    expect(testJunit([result])).toContain('<testsuite name="e.yaml" tests="2" failures="1" errors="0" skipped="0" time="0.003">')
    expect(testJunit([result])).toContain('name="a &lt; b" time="0">\n      <failure message="6 at 30 s">6 at 30 s\n')
    expect(JSON.parse(testJson([result])).results[0]).toMatchObject({
      met: false,
      verdicts: [{ met: true }, { met: false }],
      figures: { changes: 4 },
    })
    expect(testSvg(result)).toMatch(
      /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox[\s\S]*Not met: a &lt; b[\s\S]*<path class="line a"[\s\S]*<\/svg>\n$/,
    )
  })

  test('the curve shows what the load needs, and what is missing', () => {
    expect(curveText(points).split('\n').slice(0, 6)).toEqual([
      '      6 │ ·▓▓',
      '      5 │ ·▓▓░',
      '      4 │ ▓▓▓░░░',
      '      3 │ ▓▓▓▓▓▓',
      '      2 │▓▓▓▓▓▓▓',
      '      1 │▓▓▓▓▓▓▓',
    ])
  })
})

describe('the command', () => {
  const lab = (...words: string[]) =>
    execa(process.execPath, [join(root, 'tools/cli/src/main.ts'), 'hpa', 'test', ...words], { cwd: root, reject: false, timeout: 60_000 })
  const expectations = (text: string) => written('e.yaml', `expect:\n  - ${text}\n`)

  test('replays a decision log, draws the curve, and exits with 1 for an unmet expectation', async () => {
    const { surge } = simulations
    if (surge === undefined) throw new Error('no surge')
    const log = written('decisions.jsonl', linesOf(simulatedRecords(surge)))
    const hpa = written(
      'hpa.yaml',
      readFileSync(join(root, 'scaler/hpa.yaml'), 'utf8').replace('name: websocket_connections_active', 'name: connections'),
    )
    const svg = join(folder, 'curve.svg')
    const met = await lab(hpa, expectations('{ replicas: { atLeast: 9 }, after: 60s, within: 90s }'), '--from', log)
    expect([met.exitCode, met.stdout]).toEqual([0, expect.stringMatching(/1 of 1 expectations met/)])
    const unmet = await lab(hpa, expectations('{ replicas: { atMost: 3 } }'), '--from', log, '--svg', svg, '-o', 'junit')
    expect([unmet.exitCode, unmet.stdout]).toEqual([1, expect.stringMatching(/^<\?xml[\s\S]*failures="1"/)])
    expect(readFileSync(svg, 'utf8')).toContain('Not met: at most 3 replicas.')
    const other = await lab('scaler/hpa.yaml', expectations('{ replicas: { atMost: 3 } }'), '--from', log)
    expect([other.exitCode, other.stderr]).toEqual([2, expect.stringMatching(/the load has no values for websocket_connections_active/)])
  })

  test('replays a range of Prometheus', async () => {
    // Two ready replicas with 160 connections each, in every query of the metric map.
    const server = createServer((request, response) => {
      const asked = new URL(request.url ?? '', 'http://x').searchParams
      const [start = 0, end = 0, step = 1] = ['start', 'end', 'step'].map((name) => Number(asked.get(name)))
      const query = asked.get('query') ?? ''
      const value = query.includes('connections') ? 160 : query.includes('timestamp') || query.includes('start_time') ? start - 1000 : 0.01
      const times = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, i) => start + i * step)
      const values = times.map((time) => [time, String(query.includes('timestamp') ? time : query.includes('state="ready"') ? 1 : value)])
      const result = query.includes('draining') ? [] : ['ws-1', 'ws-2'].map((replica) => ({ metric: { replica }, values }))
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const range = ['--since', '2026-01-01T12:00:00Z', '--until', '2026-01-01T12:05:00Z']
    const { exitCode, stdout, stderr } = await lab(
      'scaler/hpa.yaml',
      expectations('{ replicas: { atLeast: 4, atMost: 4 }, after: 30s }'),
      ...['--from', 'prometheus', '--prometheus', url, ...range],
    )
    server.closeAllConnections()
    server.close()
    expect([exitCode, stdout, stderr]).toEqual([0, expect.stringMatching(/1 of 1 expectations met/), expect.stringMatching(/^21 points/)])
  })

  test.each([
    [['scaler/hpa.yaml', 'nothing.yaml'], /^lab: nothing.yaml: cannot be read/],
    [['scaler/metrics.yaml', 'tools/hpa/examples/lab.test.yaml'], /^lab: scaler\/metrics.yaml/],
    [
      ['scaler/hpa.yaml', 'scaler/hpa.yaml'],
      /^lab: scaler\/hpa.yaml:2: document: unknown field apiVersion, kind, metadata, spec; allowed are/,
    ],
    [['scaler/hpa.yaml', 'tools/hpa/examples/lab.test.yaml', '-o', 'pdf'], /^lab: --output pdf: allowed choices are json, junit/],
  ])('%j exits with 2', async (words, says) => {
    const { exitCode, stderr } = await lab(...words)
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(says)])
  })
})
