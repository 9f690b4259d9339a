/**
 * Compares the service with a plain `ws` server in alternating rounds, and writes docs/benchmarks.md. Results of quick or partial runs
 * (`--quick`, `--only`) are written to reports/benchmarks.md instead.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { exitCodes } from '@lab/host/signals.ts'
import { lacking, machine, pinGenerator } from './process-info.ts'
import { report, type Sample } from './report.ts'
import { plan, type TargetName } from './rows.ts'
import type { Bench } from './scenario-parts.ts'
import { type ScenarioName, scenarios } from './scenarios.ts'
import { type Program, ServerProcess } from './server-process.ts'
import { startSpanSink } from './span-sink.ts'
import { startTraefik, whyNoTraefik } from './traefik.ts'

const quickScale = 0.3
const noHeartbeatsMs = 3_600_000
const manyHeartbeatsMs = 4_000

/** Options of the `./lab bench` command. */
export interface BenchOptions {
  rounds: number
  only: ReadonlySet<ScenarioName>
  quick: boolean
  profile: boolean
}

type SpanSink = Awaited<ReturnType<typeof startSpanSink>>

/** Returns a benchmark target's server program, with settings that are as similar as possible for all targets. */
function programOf(target: TargetName, scenario: ScenarioName, spanSink: SpanSink): Program {
  const env = { HEARTBEAT_INTERVAL: String(scenario === 'steady10kOn' ? manyHeartbeatsMs : noHeartbeatsMs), NODE_ENV: 'production' }
  if (target === 'ws') return { file: new URL('baseline.ts', import.meta.url), env }
  return {
    file: target === 'traced' ? new URL('switched.ts', import.meta.url) : pathToFileURL(`${root}services/ws/src/main.ts`),
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

interface Measurement {
  target: TargetName
  scenario: ScenarioName
  round: number
}

async function measure({ target, scenario, round }: Measurement, options: BenchOptions, spanSink: SpanSink): Promise<Sample> {
  const server = await ServerProcess.start(programOf(target, scenario, spanSink))
  try {
    const proxy = target === 'proxied' ? await startTraefik(server.address) : undefined
    try {
      const file = `${root}reports/${scenario}-${target}-${round}.cpuprofile`
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
      if (target === 'traced' && spanSink.taken() === spansBefore) throw new Error('no spans were sent, so tracing was not measured')
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

/** Prints one line for each measurement, so that users can follow the progress of a long run. */
function progress({ round, target, scenario, figures, busy }: Sample): void {
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value < 100 ? value.toFixed(2) : Math.round(value)}`)
  const shares = (['server', 'generator', 'others'] as const).map((who) => `${who} ${Math.round(busy[who] * 100)} %`)
  console.log(`${round}  ${scenario.padEnd(12)} ${target.padEnd(8)} ${shown.join('  ')}  (${shares.join(', ')})`)
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(`${root}node_modules/${name}/package.json`, 'utf8')).version
}

/**
 * Runs the benchmarks, then prints the results page and writes it to a file. Rejects with a one-line error if a requirement is not met or a
 * measurement fails.
 */
export async function runBench(options: BenchOptions): Promise<void> {
  const problems = lacking()
  if (problems.length > 0) throw new LabError(problems.join('\n'))
  // Exit handlers stop the servers and containers, so a signal must cause a normal exit of the process.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(exitCodes.interrupted))
  const spanSink = await startSpanSink()
  const hardware = machine()
  pinGenerator()
  const noTraefik = await whyNoTraefik()
  const startedAt = performance.now()
  const samples: Sample[] = []
  const targets = [...plan()].filter(([target]) => target !== 'proxied' || noTraefik === undefined)
  for (let round = 1; round <= options.rounds; round++) {
    // In every other round, the targets are measured in reverse order.
    const turns = round % 2 === 1 ? targets : targets.toReversed()
    for (const scenario of options.only) {
      for (const [target, wanted] of turns) {
        if (!wanted.has(scenario)) continue
        const sample = await measure({ target, scenario, round }, options, spanSink)
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
  const file = whole ? 'docs/benchmarks.md' : 'reports/benchmarks.md'
  mkdirSync(`${root}reports`, { recursive: true })
  writeFileSync(`${root}${file}`, page)
  console.log(`\n${page}\nWritten to ${file}`)
}
