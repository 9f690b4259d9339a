/**
 * `npm run bench`: measures this service against a plain `ws` server, in rounds and taking turns, and writes docs/benchmarks.md.
 * A look only (`--quick`, `--only`) goes to reports/benchmarks.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { lacking, machine, pinGenerator } from './process-info.ts'
import { report, type Sample } from './report.ts'
import { plan, type TargetName } from './rows.ts'
import type { Bench } from './scenario-parts.ts'
import { type ScenarioName, scenarios } from './scenarios.ts'
import { type Program, ServerProcess } from './server-process.ts'
import { startSpanSink } from './span-sink.ts'
import { startTraefik, whyNoTraefik } from './traefik.ts'

const quickScale = 0.3
const maxRounds = 20
const noHeartbeatsMs = 3_600_000
const manyHeartbeatsMs = 4_000

interface Options {
  rounds: number
  only: ReadonlySet<ScenarioName>
  quick: boolean
  profile: boolean
}

const usage = `npm run bench -- [--rounds 1..${maxRounds}] [--only ${Object.keys(scenarios).join('|')}, may be repeated] [--quick] [--profile]`

function fail(lines: readonly string[]): never {
  for (const line of lines) console.error(line)
  process.exit(1)
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string' },
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
      },
    })
    const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > maxRounds)
      throw new Error(`--rounds ${values.rounds}: allowed is 1 to ${maxRounds}`)
    const names = Object.keys(scenarios) as ScenarioName[]
    const unknown = values.only?.find((name) => !(name in scenarios))
    if (unknown !== undefined) throw new Error(`--only ${unknown}: allowed is one of ${names.join(', ')}`)
    const only = new Set(values.only ? names.filter((name) => values.only?.includes(name)) : names)
    return { rounds, only, quick: values.quick, profile: values.profile }
  } catch (error) {
    return fail([(error as Error).message, usage])
  }
}

const spanSink = await startSpanSink()

/** The same settings for all, so far as each knows them. */
function programOf(target: TargetName, scenario: ScenarioName): Program {
  const env = { HEARTBEAT_INTERVAL: String(scenario === 'steady10kOn' ? manyHeartbeatsMs : noHeartbeatsMs), NODE_ENV: 'production' }
  if (target === 'ws') return { file: new URL('baseline.ts', import.meta.url), env }
  return {
    file: new URL(target === 'traced' ? 'switched.ts' : '../services/ws/src/main.ts', import.meta.url),
    env: {
      ...env,
      METRICS: target === 'quiet' ? 'off' : 'on',
      MAX_CONNECTIONS: '20000',
      MAX_MESSAGES_PER_SECOND: '1000000',
      CONNECTION_TIMEOUT: String(noHeartbeatsMs),
      LOG_LEVEL: 'warn',
      ...(target === 'traced' && { TELEMETRY: 'tracing', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: spanSink.url }),
    },
  }
}

async function measure(target: TargetName, scenario: ScenarioName, round: number, options: Options): Promise<Sample> {
  const server = await ServerProcess.start(programOf(target, scenario))
  try {
    const proxy = target === 'proxied' ? await startTraefik(server.address) : undefined
    try {
      const file = fileURLToPath(new URL(`../reports/${scenario}-${target}-${round}.cpuprofile`, import.meta.url))
      const bench: Bench = {
        address: proxy?.address ?? server.address,
        pids: proxy ? [server.pid, proxy.pid] : [server.pid],
        memory: (collect) => server.memory(collect),
        switch: (on) => server.switch(on),
        scale: options.quick ? quickScale : 1,
        measured: (part) => (options.profile ? server.profiled(file, part) : part()),
      }
      const spansBefore = spanSink.taken()
      const outcome = await Promise.race([scenarios[scenario](bench), server.died])
      if (target === 'traced' && spanSink.taken() === spansBefore) throw new Error('no span was sent, so tracing was not measured')
      return { round, target, scenario, ...outcome }
    } finally {
      await proxy?.end()
    }
  } catch (error) {
    throw new Error(`${target}, ${scenario}, round ${round}: ${(error as Error).message}`, { cause: error })
  } finally {
    await server.end()
  }
}

/** One line per measurement, so that a long run shows that it goes on. */
function progress({ round, target, scenario, figures, busy }: Sample): void {
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value < 100 ? value.toFixed(2) : Math.round(value)}`)
  const shares = (['server', 'generator', 'others'] as const).map((who) => `${who} ${Math.round(busy[who] * 100)} %`)
  console.log(`${round}  ${scenario.padEnd(12)} ${target.padEnd(8)} ${shown.join('  ')}  (${shares.join(', ')})`)
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
}

async function main(): Promise<void> {
  const options = readOptions()
  const problems = lacking()
  if (problems.length > 0) fail(problems)
  const hardware = machine()
  pinGenerator()
  const noTraefik = await whyNoTraefik()
  const startedAt = performance.now()
  const samples: Sample[] = []
  const targets = [...plan()].filter(([target]) => target !== 'proxied' || noTraefik === undefined)
  for (let round = 1; round <= options.rounds; round++) {
    // Whoever comes first in one round comes last in the next.
    const turns = round % 2 === 1 ? targets : targets.toReversed()
    for (const scenario of options.only) {
      for (const [target, wanted] of turns) {
        if (!wanted.has(scenario)) continue
        const sample = await measure(target, scenario, round, options)
        samples.push(sample)
        progress(sample)
      }
    }
  }
  const page = report(samples, {
    machine: hardware,
    versions: {
      Node: process.version,
      ...Object.fromEntries(['ws', 'hono', '@hono/node-server', 'prom-client'].map((name) => [name, versionOf(name)])),
    },
    date: new Date().toISOString().slice(0, 10),
    rounds: options.rounds,
    seconds: (performance.now() - startedAt) / 1000,
    quick: options.quick,
    leftOut: noTraefik === undefined ? {} : { proxied: noTraefik },
  })
  const whole = !options.quick && !options.profile && options.only.size === Object.keys(scenarios).length
  const file = new URL(whole ? '../docs/benchmarks.md' : '../reports/benchmarks.md', import.meta.url)
  mkdirSync(new URL('.', file), { recursive: true })
  writeFileSync(file, page)
  console.log(`\n${page}\nWritten to ${fileURLToPath(file)}`)
}

// Servers and containers end with this process; a signal must let it end in order.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
try {
  await main()
} catch (error) {
  const lines: string[] = []
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (!lines.includes(at.message)) lines.push(at.message)
  fail(lines)
}
