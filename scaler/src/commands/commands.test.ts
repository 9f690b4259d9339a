import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { DecisionLog, decisionLogPath, pauseFilePath } from '../decision-log.ts'
import type { TickRecord } from '../record.ts'
import { linesOf } from '../sim/records.ts'
import { v2Object } from '../views/object.ts'
import { samples, simulated } from '../views/sample-records.ts'
import { viewOf } from '../views/view.ts'
import { register as registerDescribe } from './describe.ts'
import { register as registerExplain } from './explain.ts'
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

/** Runs a command line against the folder; rejects as the command does. */
async function scaler(...args: string[]): Promise<void> {
  const program = new Command('scaler').exitOverride()
  for (const register of [registerGet, registerDescribe, registerExplain, registerPause, registerReplay]) register(program)
  await program.parseAsync([...args, '--state', folder], { from: 'user' })
}

/** Written as the scaler writes them. */
async function logged(records: readonly TickRecord[]): Promise<void> {
  const log = new DecisionLog(decisionLogPath(folder))
  for (const record of records) await log.append(record)
}

/** A file of the simulated settings, changed. */
async function settingsFile(name: string, change: Partial<TickRecord['hpa']> = {}): Promise<string> {
  const view = viewOf(simulated('surge', change))
  if (view === null) throw new Error('no record')
  const file = join(folder, name)
  await writeFile(file, stringify(v2Object(view)))
  return file
}

const surge = simulated('surge')

describe('what looks back', () => {
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
  ])('%j reads the log of the scaler', async (args, expected) => {
    await logged(surge)
    await scaler(...args)
    expect(out).toMatch(expected)
    expect(out).not.toContain('\u001b')
  })

  test('says that the log is old, beside the data', async () => {
    await logged(surge)
    await scaler('get', 'hpa')
    expect(hints).toMatch(/^the last synchronisation was \S+ ago: is the scaler running\?\n$/)
  })

  test('says nothing of the kind while the scaler runs', async () => {
    await logged(surge.map((record) => ({ ...record, time: new Date().toISOString() })))
    await scaler('get', 'hpa')
    expect(hints).toBe('')
  })

  test.each([[['get', 'hpa']], [['get', 'hpa', '-w']], [['describe', 'hpa']], [['explain']], [['replay', '--verify']]])(
    '%j without a log says where it looked and what to do',
    async (args) => {
      await expect(scaler(...args)).rejects.toThrow(
        `no decisions in ${decisionLogPath(folder)}: start the scaler with \`npm run scaler -- run\``,
      )
      expect(out).toBe('')
    },
  )

  test('another name is not found, as with kubectl', async () => {
    await logged(surge)
    await expect(scaler('get', 'hpa', 'web')).rejects.toThrow('horizontalpodautoscalers.autoscaling "web" not found')
  })

  test.each([[['get', 'pods']], [['get', 'hpa', '-o', 'xml']], [['explain', '--last', '0']], [['explain', '--last', 'x']]])(
    '%j is refused with what is allowed',
    async (args) => {
      await expect(scaler(...args)).rejects.toMatchObject({ code: 'commander.invalidArgument' })
      expect(hints).toMatch(/Allowed/)
    },
  )

  test('only decisions that changed something were asked for, and there are none', async () => {
    await logged(samples.steady ?? [])
    await scaler('explain', '--changes')
    expect([out, hints]).toEqual(['', 'none of the 3 decisions that are kept asked for another number of replicas\n'])
  })

  test.each([[['get', 'hpa', '-w']], [['watch']], [['watch', 'hpa', 'ws']]])(
    '%j prints a new line when a record changes something',
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
  test('write the file the scaler looks for, and take it away', async () => {
    await scaler('pause')
    expect((await stat(pauseFilePath(folder))).isFile()).toBe(true)
    await scaler('pause')
    await scaler('resume')
    await expect(stat(pauseFilePath(folder))).rejects.toThrow('ENOENT')
    await scaler('resume')
    expect(out).toBe('paused\npaused\nresumed\nresumed\n')
  })
})

/** Settings whose metrics have queries. */
const recorded = ['--from', 'prometheus', '--hpa', 'scaler/hpa.yaml']

describe('replay from Prometheus', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })

  /** Two replicas that fill up, three from the tenth moment on: as Prometheus answers, of these queries alone. */
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

  test('shows what was there, and what the settings would have done, without any decision log', async () => {
    const url = await prometheus((replica, i) => replica < 3 || i >= 10)
    const plot = join(folder, 'plot.html')
    await scaler('replay', ...recorded, ...range, '--prometheus', url, '--html', plot)
    const rows = out.trimEnd().split('\n').slice(1)
    expect(rows.map((row) => row.split(/ {2,}/).slice(0, 6))).toEqual([
      ['recorded, targets of scaler/hpa.yaml', '-', '-', '3', '1', '750'],
      // 320 sockets ask for four replicas, 480 for five.
      ['scaler/hpa.yaml', '2', '10', '5', '2', '1350'],
    ])
    expect(hints).toContain('21 moments on record from 2026-01-01T12:00:00.000Z to 2026-01-01T12:05:00.000Z, 15 s apart')
    expect(await readFile(plot, 'utf8')).toMatch(/^<!doctype html>/)
  })

  test('of compressed time takes as many more moments and says so', async () => {
    const url = await prometheus((replica) => replica < 3)
    await scaler('replay', ...recorded, ...range, '--prometheus', url, '--time-scale', '5')
    expect(hints).toContain('101 moments on record')
    expect(out).toMatch(/^# compressed time/)
  })

  test('of a time in which nothing was there says so', async () => {
    const url = await prometheus(() => false)
    await expect(scaler('replay', ...recorded, ...range, '--prometheus', url)).rejects.toThrow(
      `Prometheus at ${url} has no replicas on record from 2026-01-01T12:00:00.000Z to 2026-01-01T12:05:00.000Z`,
    )
  })

  test('that is away says so', async () => {
    await expect(scaler('replay', ...recorded, '--prometheus', 'http://127.0.0.1:1')).rejects.toThrow(
      /^Prometheus at http:\/\/127\.0\.0\.1:1 does not answer: /,
    )
  })
})

describe('replay', () => {
  test.each([
    [['--range', '1 hour'], /Allowed are lengths of time as in 90s/],
    [['--since', 'yesterday'], /Allowed are times as in 2026-/],
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
    expect(hints).toMatch(/^A model: /)
  })

  test('of compressed time says so', async () => {
    await logged(samples.compressed ?? [])
    await scaler('replay', '--hpa', await settingsFile('same.yaml'))
    expect(out).toMatch(/^# compressed time/)
  })

  test('takes recorded decisions again, from any file', async () => {
    const file = join(folder, 'recording.jsonl')
    await writeFile(file, linesOf(surge))
    await scaler('replay', '--from', file, '--verify')
    expect(out).toBe('49 decisions taken again: all the same\n')
    expect(process.exitCode).toBeUndefined()
  })

  test('exits with 1 when a decision would be another one now', async () => {
    const changed = surge.map((record, i) => (i === 9 ? { ...record, decision: { ...record.decision, stabilized: 3 } } : record))
    await logged(changed)
    await scaler('replay', '--verify')
    expect(out).toBe('49 decisions taken again: 1 differ\n2026-01-01T12:02:15.000Z decision.stabilized: recorded 3, now 9\n')
    expect(process.exitCode).toBe(1)
  })

  test.each<[string, (file: string) => string[], RegExp]>([
    ['nothing to do', () => [], /name settings with --hpa FILE, or ask for --verify/],
    ['both at once', (file) => ['--verify', '--hpa', file], /leave out --hpa/],
    ['decisions of Prometheus', () => ['--from', 'prometheus', '--verify'], /--verify needs a decision log/],
    [
      'a metric without a query',
      (file) => ['--from', 'prometheus', '--hpa', file],
      /metrics\.yaml: .* has no pods metric connections; it has: /,
    ],
    [
      'a time without an end',
      () => [...recorded, '--since', '2026-01-01T12:00:00Z', '--until', '2026-01-01T11:00:00Z'],
      /is not before --until/,
    ],
    ['too much at once', () => [...recorded, '--range', '5d', '--step', '1s'], /432001 moments: allowed are 20000; /],
    ['a Compose file of something else', () => [...recorded, '--requests', 'scaler/hpa.yaml'], /hpa\.yaml: no service ws with labels/],
    ['a file that is not there', (file) => ['--from', '/nowhere', '--hpa', file], /\/nowhere: cannot be read/],
    ['a file of something else', (file) => ['--from', file, '--hpa', file], /settings\.yaml:1: not JSON/],
    ['settings that are none', () => ['--hpa', '/dev/null'], /\/dev\/null:1:1: the file holds no document/],
  ])('refuses %s', async (_what, args, message) => {
    await logged(surge)
    const file = await settingsFile('settings.yaml')
    await expect(scaler('replay', ...args(file))).rejects.toMatchObject({ exitCode: 2 })
    expect(hints).toMatch(message)
    expect(out).toBe('')
  })

  test('refuses settings that ask for what was not recorded', async () => {
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
    expect(hints).toContain('holds no decision')
  })
})
