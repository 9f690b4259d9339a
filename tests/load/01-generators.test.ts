/**
 * Runs the same scenario with k6, Locust and Artillery on one lab, one after another, and compares what the lab received. Locust and
 * Artillery run on the host, because their images may be missing; they execute the same files as the overlays in k6/.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadMetrics } from '@lab/contract/load-metrics.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { type Ran, run } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { root } from '../stack/lib/compose-file.ts'
import { query } from '../stack/lib/prometheus.ts'
import { tryCompose, url } from '../stack/lib/stack.ts'

const stack = inject('stack')
const versions = { locust: '2.32.4', websocketClient: '1.8.0', artillery: '2.0.34' } as const
const installWithinSeconds = 900
/** The scenario that all three generators run. */
const settings = { SCENARIO: 'default', SOCKETS: '300', DURATION: '60' } as const
const runWithinSeconds = 180
/** k6's exit code if a threshold is crossed. */
const thresholdsCrossed = 99
/** Maximum difference between another generator's result and that of k6. */
const tolerance = 0.1
/** LOAD_TOOLS is a folder in which the tools remain installed, so that the next run of the test is faster. */
const given = process.env.LOAD_TOOLS
const folder = given ?? mkdtempSync(join(tmpdir(), 'lab-load-'))
/** The results that the tools write. */
const output = mkdtempSync(join(tmpdir(), 'lab-load-results-'))

/** What a generator did, as it reports itself, and the highest number of open sockets in Prometheus. */
interface Result {
  socketsOpened: number
  messagesSent: number
  messagesAnswered: number
  errors: number
  rttP95Ms: number | null
  peak: number
}
const results: Record<string, Result> = {}

const open = async () => (await query(stack, `sum(${metrics.connectionsActive.name})`))[0]?.value ?? 0

/**
 * Runs a generator, and returns the highest number of sockets that Prometheus saw in the meantime.
 * @param allowed exit codes of the generator
 */
async function watched(start: () => Promise<Ran>, allowed = [0]): Promise<number> {
  await until('no socket is open', async () => (await open()) === 0, { withinMs: 60_000, everyMs: 1000 })
  let peak = 0
  let ran: Ran | undefined
  const running = start().then((result) => {
    ran = result
  })
  await until(
    'the generator ends',
    async () => {
      peak = Math.max(peak, await open())
      return ran !== undefined
    },
    { withinMs: (runWithinSeconds + 30) * 1000, everyMs: 1000 },
  )
  await running
  if (ran === undefined) throw new Error('unreachable: until() has waited for the result')
  expect(allowed, `${ran.stdout}\n${ran.stderr}`).toContain(ran.exitCode)
  return peak
}

beforeAll(async () => {
  if (existsSync(join(folder, 'venv')) && existsSync(join(folder, 'node_modules'))) return
  const commands: [string, readonly string[]][] = [
    ['python3', ['-m', 'venv', join(folder, 'venv')]],
    [join(folder, 'venv/bin/pip'), ['install', '--quiet', `locust==${versions.locust}`, `websocket-client==${versions.websocketClient}`]],
    ['npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', `artillery@${versions.artillery}`]],
  ]
  for (const [program, args] of commands) {
    const ran = await run(program, args, { withinSeconds: installWithinSeconds, folder })
    if (ran.exitCode !== 0) throw new Error(`${program} ${args.join(' ')}\n${ran.stdout}\n${ran.stderr}`)
  }
}, installWithinSeconds * 1000)

afterAll(() => {
  for (const path of given === undefined ? [folder, output] : [output]) rmSync(path, { recursive: true, force: true })
})

test('k6 runs the scenario', async () => {
  const given = Object.entries({ ...settings, CONTROL: '' }).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  const env = { LAB_UID: String(process.getuid?.() ?? 0), LAB_GID: String(process.getgid?.() ?? 0) }
  // On a busy machine, k6 may exceed its thresholds for latency, which this test does not compare.
  const start = () => tryCompose(stack, ['run', '--rm', ...given, 'k6'], { withinSeconds: runWithinSeconds, env })
  const peak = await watched(start, [0, thresholdsCrossed])
  const { metrics: values } = JSON.parse(readFileSync(`${root}reports/k6-${stack.project}-${settings.SCENARIO}.json`, 'utf8')) as {
    metrics: Record<string, Record<string, number>>
  }
  const count = (metric: { name: string }) => values[metric.name]?.count ?? 0
  results.k6 = {
    socketsOpened: count(loadMetrics.socketsOpened),
    messagesSent: count(loadMetrics.messagesSent),
    messagesAnswered: count(loadMetrics.messagesAnswered),
    errors: values[loadMetrics.errors.name]?.passes ?? 0,
    rttP95Ms: values[loadMetrics.messageRtt.name]?.['p(95)'] ?? null,
    peak,
  }
})

test('Locust runs the scenario', async () => {
  const file = join(output, 'locust.json')
  const args = ['-f', 'k6/locust/locustfile.py', '--headless', '--only-summary', '--host', url(stack, 'LAB_PORT').replace(/^http/, 'ws')]
  const env = { ...settings, RESULT: file }
  const peak = await watched(() => run(join(folder, 'venv/bin/locust'), args, { withinSeconds: runWithinSeconds, env }))
  results.locust = { ...(JSON.parse(readFileSync(file, 'utf8')) as Omit<Result, 'peak'>), peak }
})

test('Artillery runs the scenario', async () => {
  const file = join(output, 'artillery.json')
  const args = ['run', '--quiet', '--output', file, 'k6/artillery/load.yaml']
  const env = { ...settings, TARGET: url(stack, 'LAB_PORT').replace(/^http/, 'ws'), ARTILLERY_DISABLE_TELEMETRY: 'true' }
  const peak = await watched(() => run(join(folder, 'node_modules/.bin/artillery'), args, { withinSeconds: runWithinSeconds, env }))
  const { counters, summaries } = (
    JSON.parse(readFileSync(file, 'utf8')) as {
      aggregate: { counters: Record<string, number>; summaries: Record<string, { p95: number }> }
    }
  ).aggregate
  results.artillery = {
    socketsOpened: counters['lab.sockets_opened'] ?? 0,
    messagesSent: counters['lab.messages_sent'] ?? 0,
    messagesAnswered: counters['lab.messages_answered'] ?? 0,
    errors: counters['lab.errors'] ?? 0,
    rttP95Ms: summaries['lab.message_rtt']?.p95 ?? null,
    peak,
  }
})

describe.each(['locust', 'artillery'])('%s', (name) => {
  test.each(['peak', 'socketsOpened', 'messagesSent', 'messagesAnswered'] as const)('%s is within 10 % of that of k6', (figure) => {
    addFigure('loadGenerators', results)
    const [expected, actual] = [results.k6?.[figure] ?? 0, results[name]?.[figure] ?? 0]
    expect(expected).toBeGreaterThan(0)
    expect(Math.abs(actual - expected) / expected, `${actual} instead of ${expected}`).toBeLessThanOrEqual(tolerance)
  })

  test('reports no errors', () => {
    expect(results[name]?.errors).toBe(0)
  })
})
