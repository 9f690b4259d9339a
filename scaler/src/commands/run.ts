/** `run`: the scaler itself. Wires the ports to the real world; decides nothing. */
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import { collectDefaultMetrics } from 'prom-client'
import { composeTarget, projectName } from '../adapters/compose.ts'
import { engineHost } from '../adapters/docker.ts'
import { readWorkingSets } from '../adapters/docker-stats.ts'
import { prometheusSource } from '../adapters/prometheus.ts'
import { systemClock } from '../adapters/system-clock.ts'
import type { ControllerOptions } from '../core/types.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { DecisionLog, decisionLogPath, defaultStateFolder, pauseFilePath, readLastRecord } from '../decision-log.ts'
import { liveFiles, readLiveFiles } from '../live-files.ts'
import type { LoopPorts, LoopSettings } from '../loop.ts'
import { maxBackoffPeriods, resumedState, runLoop } from '../loop.ts'
import { createScalerMetrics } from '../metrics.ts'
import type { ReadWorkingSets } from '../ports.ts'
import type { TickRecord } from '../record.ts'
import { serve } from '../serve.ts'
import { metricMapOption, number, prometheusOption } from './options.ts'

interface RunOptions {
  readonly hpa: string
  readonly metricMap: string
  readonly prometheus: string
  readonly state: string
  readonly projectName?: string
  readonly file: readonly string[]
  readonly timeScale: number
  readonly dryRun?: true
  readonly listen?: number
  readonly syncPeriod: number
  readonly downscaleStabilization: number
  readonly tolerance: number
  readonly cpuInitializationPeriod: number
  readonly initialReadinessDelay: number
}

const composeFiles = ['compose.yaml', 'compose.k8s-sim.yaml']

export function register(program: Command): void {
  const { syncPeriodSeconds, downscaleStabilizationSeconds, tolerance, ...initial } = defaultControllerOptions
  program
    .command('run')
    .description('watch the metrics and set the number of replicas, until SIGTERM or Ctrl-C')
    .addOption(new Option('--hpa <file>', 'the HorizontalPodAutoscaler').env('SCALER_HPA').default('scaler/hpa.yaml'))
    .addOption(metricMapOption())
    .addOption(prometheusOption())
    .addOption(new Option('--state <folder>', 'decision log and pause file').env('SCALER_STATE').default(defaultStateFolder))
    .addOption(new Option('-p, --project-name <name>', 'Compose project; as Compose makes it up otherwise').env('COMPOSE_PROJECT_NAME'))
    .addOption(new Option('-f, --file <files...>', 'Compose files the lab was started with').default(composeFiles))
    .addOption(
      new Option('--time-scale <factor>', 'compress time: every period and window takes 1/factor')
        .env('SCALER_TIME_SCALE')
        .default(1)
        .argParser(number(1, 100)),
    )
    .option('--dry-run', 'decide and write down, never act; give it a --state of its own beside a live one')
    .addOption(new Option('--listen <port>', 'serve /metrics, /livez and /readyz there').env('SCALER_LISTEN').argParser(number(0, 65535)))
    .addOption(new Option('--sync-period <seconds>').default(syncPeriodSeconds).argParser(number(1, 3600)))
    .addOption(new Option('--downscale-stabilization <seconds>').default(downscaleStabilizationSeconds).argParser(number(0, 3600)))
    .addOption(new Option('--tolerance <ratio>').default(tolerance).argParser(number(0, 100)))
    .addOption(
      new Option('--cpu-initialization-period <seconds>').default(initial.cpuInitializationPeriodSeconds).argParser(number(0, 3600)),
    )
    .addOption(new Option('--initial-readiness-delay <seconds>').default(initial.initialReadinessDelaySeconds).argParser(number(0, 3600)))
    .action(async (options: RunOptions) => run(options, program))
}

async function run(options: RunOptions, program: Command): Promise<void> {
  const read = await readLiveFiles(options)
  if ('problems' in read) return program.error(read.problems.join('\n'), { exitCode: 2 })
  const { hpa } = read
  const settings: LoopSettings = { hpa, controller: controllerOf(options), timeScale: options.timeScale, dryRun: options.dryRun === true }
  const service = hpa.scaleTargetRef.name
  const folder = process.cwd()
  const files = options.file.map((file) => resolve(folder, file))
  const host = await engineHost(process.env)
  const project = options.projectName || (await projectName({ files, folder }))

  const stop = stopSignal()
  const logPath = decisionLogPath(options.state)
  const log = new DecisionLog(logPath)
  let lastTickAt: number | null = null
  const startedAt = systemClock.nowSeconds()
  // The longest that a synchronisation with an action can take, and the longest pause after it.
  const stuckAfterSeconds = 180 + (maxBackoffPeriods * settings.controller.syncPeriodSeconds) / settings.timeScale
  const stuck = () => {
    const idleSeconds = Math.round(systemClock.nowSeconds() - (lastTickAt ?? startedAt))
    return idleSeconds > stuckAfterSeconds ? `no synchronisation for ${idleSeconds} s` : null
  }
  const metrics = createScalerMetrics()
  collectDefaultMetrics({ register: metrics.registry })
  const endpoints =
    options.listen === undefined
      ? null
      : await serve(options.listen, {
          metrics: async () => ({ body: await metrics.registry.metrics(), type: metrics.registry.contentType }),
          stuck,
          ready: () => lastTickAt !== null,
        })
  const workingSets: ReadWorkingSets = (signal) => readWorkingSets(host, { project, service }, signal)
  let { map } = read
  const reread = liveFiles(options, read, say)
  const ports: LoopPorts = {
    clock: systemClock,
    specification: async () => {
      const now = await reread()
      map = now.map
      return now
    },
    metrics: { read: (metrics, signal) => prometheusSource(options.prometheus, map, service, workingSets).read(metrics, signal) },
    target: composeTarget({ project, service, files, folder, host }),
    isPaused: () => exists(pauseFilePath(options.state)),
    write: async (record: TickRecord) => {
      // A full disk is no reason to leave the replicas alone.
      await log.append(record).catch((error: unknown) => say(`cannot write ${logPath}: ${String(error)}`))
      lastTickAt = systemClock.nowSeconds()
      metrics.observe(record)
    },
    say,
  }
  const state = resumedState(await readLastRecord(logPath), settings, systemClock.nowSeconds())
  const scale = options.timeScale === 1 ? '' : `, TIME COMPRESSED ${options.timeScale}x`
  say(
    `scaling ${service} of ${project} between ${hpa.minReplicas} and ${hpa.maxReplicas}${settings.dryRun ? ', dry run' : ''}${scale}; log: ${logPath}`,
  )
  await runLoop(settings, ports, state, stop)
  await endpoints?.close()
  say('stopped')
}

function controllerOf(options: RunOptions): ControllerOptions {
  return {
    ...defaultControllerOptions,
    syncPeriodSeconds: options.syncPeriod,
    downscaleStabilizationSeconds: options.downscaleStabilization,
    tolerance: options.tolerance,
    cpuInitializationPeriodSeconds: options.cpuInitializationPeriod,
    initialReadinessDelaySeconds: options.initialReadinessDelay,
  }
}

/** Aborts when the process is asked to end. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    // Not once(): what cleans up after child processes ends the process itself when it sees no other listener.
    process.on(name, () => {
      say(`${name}: stopping`)
      controller.abort()
    })
  }
  return controller.signal
}

function say(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
