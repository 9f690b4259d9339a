import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { DecisionLog, decisionLogPath, isPaused, pauseFilePath } from '../decision-log.ts'
import type { TickRecord } from '../record.ts'
import { linesOf } from '../sim/records.ts'
import { v2Object } from '../views/object.ts'
import { samples, simulated } from '../views/sample-records.ts'
import { viewOf } from '../views/view.ts'
import { register as registerDescribe } from './describe.ts'
import { register as registerExplain } from './explain.ts'
import { register as registerExport } from './export.ts'
import { register as registerGet } from './get.ts'
import { register as registerPause } from './pause.ts'
import { register as registerReplay } from './replay.ts'

let folder = ''
let out = ''
let hints = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scaler-commands-'))
  out = ''
  hints = ''
  vi.stubEnv('NO_COLOR', '1')
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    hints += text
    return true
  })
})

afterEach(async () => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
  await rm(folder, { recursive: true })
})

/** Runs a scaler command with the test's state folder. Rejects if the command fails. */
async function scaler(...args: string[]): Promise<void> {
  const program = new Command('scaler').exitOverride()
  for (const register of [registerGet, registerDescribe, registerExplain, registerPause, registerReplay, registerExport]) register(program)
  await program.parseAsync([...args, '--state', folder], { from: 'user' })
}

/** Writes records to the decision log. */
async function logged(records: readonly TickRecord[]): Promise<void> {
  const log = new DecisionLog(decisionLogPath(folder))
  for (const record of records) await log.append(record)
}

/** Writes a modified version of the simulation's HPA to a file. */
async function settingsFile(name: string, change: Partial<TickRecord['hpa']> = {}): Promise<string> {
  const view = viewOf(simulated('surge', change))
  if (view === null) throw new Error('no record')
  const file = join(folder, name)
  await writeFile(file, stringify(v2Object(view)))
  return file
}

const surge = simulated('surge')

describe('commands that read the decision log', () => {
  test.each([
    [['get', 'hpa'], /^NAME .*\nws {5}Deployment\/ws {3}60\/100, cpu: 40%\/70% /],
    [['get', 'hpa', 'ws', '-o', 'wide'], /LASTSYNC\n/],
    [['get', 'horizontalpodautoscaler', '-o', 'name'], /^horizontalpodautoscaler.autoscaling\/ws\n$/],
    [['get', 'hpa', '-o', 'json'], /^\{\n {4}"apiVersion": "autoscaling\/v2"/],
    [['get', 'hpa', '-o', 'yaml'], /^apiVersion: autoscaling\/v2\n/],
    [['describe', 'hpa'], /^Name: +ws\nNamespace: /],
    [['explain'], /^2026-01-01T12:12:00.000Z {2}default\/ws {2}2 replicas: nothing to do\n/],
    [['explain', '--changes', '--last', '1'], /3 replicas: scale to 2\n/],
    [['explain', '--last', '3', '-o', 'json'], /^\[\n/],
  ])('%j prints the decisions of the log', async (args, expected) => {
    await logged(surge)
    await scaler(...args)
    expect(out).toMatch(expected)
    expect(out).not.toContain('\u001b')
  })

  test('print a hint when the log is old', async () => {
    await logged(surge)
    await scaler('get', 'hpa')
    expect(hints).toMatch(/^the last synchronisation was \S+ ago: is the scaler running\?\n$/)
  })

  test('print no hint while the scaler runs', async () => {
    await logged(surge.map((record) => ({ ...record, time: new Date().toISOString() })))
    await scaler('get', 'hpa')
    expect(hints).toBe('')
  })

  test.each([[['get', 'hpa']], [['get', 'hpa', '-w']], [['describe', 'hpa']], [['explain']], [['replay', '--verify']]])(
    '%j without a log prints the path of the log and a hint',
    async (args) => {
      await expect(scaler(...args)).rejects.toThrow(
        `no decisions in ${decisionLogPath(folder)}: start the lab with its scaler: ./lab up --k8s-sim`,
      )
      expect(out).toBe('')
    },
  )

  test('report an unknown name like kubectl', async () => {
    await logged(surge)
    await expect(scaler('get', 'hpa', 'web')).rejects.toThrow('horizontalpodautoscalers.autoscaling "web" not found; the log has: ws')
  })

  describe('with two autoscalers', () => {
    const worker = surge.map((record) => ({ ...record, hpa: { ...record.hpa, name: 'worker' } }))
    beforeEach(() => logged(surge.flatMap((record, i) => [record, worker[i] ?? record])))

    test.each([
      [['get', 'hpa'], /^NAME .*\nworker .*\nws .*\n$/],
      [['get', 'hpa', 'worker'], /^NAME .*\nworker .*\n$/],
      [['get', 'hpa', '-o', 'name'], /\/worker\n.*\/ws\n$/],
      [['get', 'hpa', '-o', 'json'], /"kind": "List"/],
      [['get', 'hpa', 'ws', '-o', 'json'], /^\{\n {4}"apiVersion": "autoscaling\/v2"/],
      [['describe', 'hpa'], /^Name: +worker\n[\s\S]*\n\n\nName: +ws\n/],
      [['describe', 'hpa', 'ws'], /^Name: +ws\n/],
      [['explain'], /default\/worker [\s\S]*default\/ws /],
      [['explain', 'worker'], /^\S+ {2}default\/worker /],
      [['replay', '--verify'], /^98 decisions repeated: all equal\n$/],
      [['replay', 'ws', '--verify'], /^49 decisions repeated: all equal\n$/],
    ])('%j shows the named one or all', async (args, expected) => {
      await scaler(...args)
      expect(out).toMatch(expected)
    })

    test('replay of settings asks for a name', async () => {
      const file = await settingsFile('hpa.yaml')
      await expect(scaler('replay', '--hpa', file)).rejects.toMatchObject({ code: 'commander.error' })
      expect(hints).toContain('the log has several autoscalers; name one of worker, ws')
      await scaler('replay', 'worker', '--hpa', file)
      expect(out).toContain('recorded')
    })

    test('one can be paused and resumed', async () => {
      await scaler('pause', 'worker')
      expect(await Promise.all([isPaused(folder, 'worker'), isPaused(folder, 'ws'), isPaused(folder)])).toEqual([true, false, false])
      await expect(scaler('pause', 'api')).rejects.toThrow('"api" not found; the log has: worker, ws')
      await scaler('pause')
      await expect(scaler('resume', 'worker')).rejects.toThrow('all autoscalers are paused together')
      await scaler('resume')
      expect(await isPaused(folder, 'worker')).toBe(false)
    })
  })

  test.each([[['get', 'pods']], [['get', 'hpa', '-o', 'xml']], [['explain', '--last', '0']], [['explain', '--last', 'x']]])(
    '%j is refused with the allowed values',
    async (args) => {
      await expect(scaler(...args)).rejects.toMatchObject({ code: 'commander.invalidArgument' })
      expect(hints).toMatch(/Allowed/)
    },
  )

  test('explain --changes prints a hint when no decision changed the count', async () => {
    await logged(samples.steady ?? [])
    await scaler('explain', '--changes')
    expect([out, hints]).toEqual(['', 'none of the 3 decisions in the log changes the number of replicas\n'])
  })

  test.each([[['get', 'hpa', '-w']], [['watch']], [['watch', 'hpa', 'ws']]])(
    '%j prints a line when a record has a change',
    async (args) => {
      await logged(surge.slice(0, 5))
      void scaler(...args)
      await vi.waitFor(() => expect(out).toMatch(/^NAME .*\nws .*\n$/), { timeout: 10_000 })
      await logged(surge.slice(5, 6))
      await vi.waitFor(() => expect(out).toMatch(/\nws .*\nws .* 450\/100, .*\n$/), { timeout: 10_000 })
      process.stdout.emit('error', new Error('EPIPE'))
    },
  )
})

describe('pause and resume', () => {
  test('write and remove the pause file of the scaler', async () => {
    await scaler('pause')
    expect((await stat(pauseFilePath(folder))).isFile()).toBe(true)
    await scaler('pause')
    await scaler('resume')
    await expect(stat(pauseFilePath(folder))).rejects.toThrow('ENOENT')
    await scaler('resume')
    expect(out).toBe('paused\npaused\nresumed\nresumed\n')
  })
})

/** Command-line arguments that select an HPA whose metrics all have queries. */
const recorded = ['--from', 'prometheus', '--hpa', 'scaler/hpa.yaml']

describe('replay from Prometheus', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })

  /**
   * Starts a fake Prometheus server with recorded data: two replicas with increasing load, and a third replica from the tenth data point
   * on.
   */
  async function prometheus(has: (replica: number, i: number) => boolean): Promise<string> {
    const server = createServer((request, response) => {
      const asked = new URL(request.url ?? '', 'http://x').searchParams
      const [start = 0, end = 0, step = 1] = ['start', 'end', 'step'].map((name) => Number(asked.get(name)))
      const query = asked.get('query') ?? ''
      const valueAt: [string, (time: number) => number][] = [
        ['draining', () => Number.NaN],
        ['timestamp(process_cpu', (time) => time],
        ['rate(process_cpu', () => 0.01],
        ['process_start_time', () => start - 1000],
        ['connections', () => 160],
        ['up{', () => 1],
        ['state="ready"', () => 1],
      ]
      const [, value] = valueAt.find(([part]) => query.includes(part)) ?? []
      const times = value === undefined ? [] : Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, i) => start + i * step)
      const result = [1, 2, 3].map((replica) => ({
        metric: { replica: `ws-${replica}` },
        values: times.flatMap((time, i) => (has(replica, i) ? [[time, String(value?.(time))]] : [])),
      }))
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const range = ['--since', '2026-01-01T12:00:00Z', '--until', '2026-01-01T12:05:00Z']

  test('shows the recorded replicas, and those of the given settings, without a decision log', async () => {
    const url = await prometheus((replica, i) => replica < 3 || i >= 10)
    const plot = join(folder, 'plot.html')
    await scaler('replay', ...recorded, ...range, '--prometheus', url, '--html', plot)
    const rows = out.trimEnd().split('\n').slice(1)
    expect(rows.map((row) => row.split(/ {2,}/).slice(0, 6))).toEqual([
      ['recorded, targets of scaler/hpa.yaml', '-', '-', '3', '1', '750'],
      // 320 sockets require four replicas, and 480 sockets require five.
      ['scaler/hpa.yaml', '2', '10', '5', '2', '1350'],
    ])
    expect(hints).toContain('21 points recorded from 2026-01-01T12:00:00.000Z to 2026-01-01T12:05:00.000Z, 15 s apart')
    expect(await readFile(plot, 'utf8')).toMatch(/^<!doctype html>/)
  })

  test('with compressed time uses more points and prints a note', async () => {
    const url = await prometheus((replica) => replica < 3)
    await scaler('replay', ...recorded, ...range, '--prometheus', url, '--time-scale', '5')
    expect(hints).toContain('101 points recorded')
    expect(out).toMatch(/^# compressed time/)
  })

  test('reports a range without any replica', async () => {
    const url = await prometheus(() => false)
    await expect(scaler('replay', ...recorded, ...range, '--prometheus', url)).rejects.toThrow(
      `Prometheus at ${url} has recorded no replicas from 2026-01-01T12:00:00.000Z to 2026-01-01T12:05:00.000Z`,
    )
  })

  test('reports that Prometheus does not answer', async () => {
    await expect(scaler('replay', ...recorded, '--prometheus', 'http://127.0.0.1:1')).rejects.toThrow(
      /^Prometheus at http:\/\/127\.0\.0\.1:1 does not answer: /,
    )
  })
})

describe('replay', () => {
  test.each([
    [['--range', '1 hour'], /Allowed are durations as in 90s/],
    [['--since', 'yesterday'], /Allowed are times such as 2026-/],
    [['--time-scale', '0'], /Allowed are numbers from 1 to 100/],
    [['--range', '1h', '--since', '0'], /cannot be used with option/],
  ])('refuses %j', async (args, message) => {
    await expect(scaler('replay', ...recorded, ...args)).rejects.toMatchObject({ name: 'CommanderError' })
    expect(hints).toMatch(message)
  })

  test('compares settings on the recorded load, and writes a plot', async () => {
    await logged(surge)
    const roomy = await settingsFile('roomy.yaml', { minReplicas: 6 })
    const plot = join(folder, 'plot.html')
    await scaler('replay', '--hpa', await settingsFile('same.yaml'), '--hpa', roomy, '--html', plot)
    const [header, ...rows] = out.trimEnd().split('\n')
    expect(header).toMatch(/^SETTINGS +MIN +MAX +PEAK +CHANGES +REPLICA-SECONDS +OVER-CAPACITY +ABOVE-TARGET +UNKNOWN$/)
    expect(rows.map((row) => row.split(/ {2,}/).slice(0, 5))).toEqual([
      ['recorded', '2', '10', '9', '9'],
      ['recorded, modelled', '2', '10', '9', '9'],
      [join(folder, 'same.yaml'), '2', '10', '9', '9'],
      [roomy, '6', '10', '9', '5'],
    ])
    expect(await readFile(plot, 'utf8')).toMatch(/^<!doctype html>/)
    expect(hints).toMatch(/^This is a model: /)
  })

  test('prints a note when time was compressed', async () => {
    await logged(samples.compressed ?? [])
    await scaler('replay', '--hpa', await settingsFile('same.yaml'))
    expect(out).toMatch(/^# compressed time/)
  })

  test('verifies the recorded decisions of a file', async () => {
    const file = join(folder, 'recording.jsonl')
    await writeFile(file, linesOf(surge))
    await scaler('replay', '--from', file, '--verify')
    expect(out).toBe('49 decisions repeated: all equal\n')
    expect(process.exitCode).toBeUndefined()
  })

  test('exits with 1 when a decision differs', async () => {
    const changed = surge.map((record, i) => (i === 9 ? { ...record, decision: { ...record.decision, stabilized: 3 } } : record))
    await logged(changed)
    await scaler('replay', '--verify')
    expect(out).toBe('49 decisions repeated: 1 differ\n2026-01-01T12:02:15.000Z decision.stabilized: recorded 3, now 9\n')
    expect(process.exitCode).toBe(1)
  })

  test.each<[string, (file: string) => string[], RegExp]>([
    ['neither settings nor --verify', () => [], /give settings with --hpa FILE, or use --verify/],
    ['both settings and --verify', (file) => ['--verify', '--hpa', file], /leave out --hpa/],
    ['--verify with Prometheus', () => ['--from', 'prometheus', '--verify'], /--verify needs a decision log/],
    [
      'a metric without a query',
      (file) => ['--from', 'prometheus', '--hpa', file],
      /metrics\.yaml: .* has no pods metric connections; it has: /,
    ],
    ['an invalid time', () => [...recorded, '--since', '2026-01-01T12:00:00Z', '--until', '2026-01-01T11:00:00Z'], /is not before --until/],
    ['too many points', () => [...recorded, '--range', '5d', '--step', '1s'], /432001 points: allowed are 20000; /],
    ['a file without Compose services', () => [...recorded, '--requests', 'scaler/hpa.yaml'], /hpa\.yaml: no service ws with labels/],
    ['a missing file', (file) => ['--from', '/nowhere', '--hpa', file], /\/nowhere: cannot be read/],
    ['a file that is not a decision log', (file) => ['--from', file, '--hpa', file], /settings\.yaml:1: not JSON/],
    ['a file without an HPA', () => ['--hpa', '/dev/null'], /\/dev\/null:1:1: the file has no HorizontalPodAutoscaler/],
  ])('refuses %s', async (_what, args, message) => {
    await logged(surge)
    const file = await settingsFile('settings.yaml')
    await expect(scaler('replay', ...args(file))).rejects.toMatchObject({ exitCode: 2 })
    expect(hints).toMatch(message)
    expect(out).toBe('')
  })

  test('refuses settings with a metric that was not recorded', async () => {
    await logged(surge)
    const queue = { type: 'External', metric: { name: 'queue' }, target: { type: 'Value', valueMilli: 1000 } } as const
    const file = await settingsFile('queue.yaml', { metrics: [queue] })
    await expect(scaler('replay', '--hpa', file)).rejects.toMatchObject({ exitCode: 2 })
    expect(hints).toContain('not in the recording: queue; recorded: connections, resource/cpu')
  })

  test('refuses a recording without a decision', async () => {
    const file = join(folder, 'empty.jsonl')
    await writeFile(file, '')
    await expect(scaler('replay', '--from', file, '--verify')).rejects.toMatchObject({ exitCode: 2 })
    expect(hints).toContain('has no decision')
  })
})

describe('export', () => {
  test('prints a case with the text of the HPA file', async () => {
    await logged(surge)
    const file = await settingsFile('hpa.yaml')
    await scaler('export', '--hpa', file)
    const scenario = JSON.parse(out)
    expect(scenario).toMatchObject({ id: 'recorded', unit: 'ms', hpaYaml: await readFile(file, 'utf8'), steps: { length: 49 } })
    expect(hints).toBe('49 decisions exported\n')
  })

  test('leaves out an HPA file that differs from the recording', async () => {
    await logged(samples.paused ?? [])
    await scaler('export', '--hpa', await settingsFile('hpa.yaml', { maxReplicas: 7 }))
    expect(JSON.parse(out)).not.toHaveProperty('hpaYaml')
    expect(hints).toMatch(/hpa\.yaml differs from the recorded autoscaler, .*\n5 decisions exported; 1 are left out, because /)
  })

  test.each<[string, string[], RegExp]>([
    ['a missing file', ['--from', '/nowhere'], /\/nowhere: cannot be read/],
    ['a missing HPA file', ['--hpa', '/nowhere'], /\/nowhere: cannot be read/],
  ])('refuses %s', async (_what, args, message) => {
    await logged(surge)
    await expect(scaler('export', ...args)).rejects.toMatchObject({ exitCode: 2 })
    expect(hints).toMatch(message)
    expect(out).toBe('')
  })
})
