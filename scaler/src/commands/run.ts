/** `run`: starts the scaler. Connects the control loop to Docker, to Prometheus, and to the files that it reads and writes. */
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { root } from '@lab/host/root.ts'
import type { Command } from 'commander'
import { Option } from 'commander'
import { collectDefaultMetrics, type Registry } from 'prom-client'
import { actuatorAt } from '../adapters/actuator.ts'
import { type Actuator, composeActuator, projectName, replicaTarget } from '../adapters/compose.ts'
import { engineHost } from '../adapters/docker.ts'
import { prometheusSource } from '../adapters/prometheus.ts'
import { systemClock } from '../adapters/system-clock.ts'
import type { ControllerOptions } from '../core/types.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { DecisionLog, decisionLogPath, defaultStateFolder, pauseFilePath, readLastRecord, stateFolderWords } from '../decision-log.ts'
import { liveFiles, readLiveFiles } from '../live-files.ts'
import type { LoopPorts, LoopSettings } from '../loop.ts'
import { maxBackoffPeriods, resumedState, runLoop } from '../loop.ts'
import { createScalerMetrics } from '../metrics.ts'
import type { TickRecord } from '../record.ts'
import { readRolloutScale, writeRolloutScale } from '../rollout-file.ts'
import { type Exposition, serve, servedPaths } from '../serve.ts'
import { metricMapOption, number, prometheusOption } from './options.ts'

interface RunOptions {
  readonly hpa: string
  readonly metricMap: string
  readonly prometheus: string
  readonly state: string
  readonly projectName?: string
  readonly actuator?: string
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
    .description('set the number of replicas from the metrics, until SIGTERM or Ctrl-C')
    .addOption(new Option('--hpa <file>', 'file that contains the HorizontalPodAutoscaler').env('SCALER_HPA').default('scaler/hpa.yaml'))
    .addOption(metricMapOption())
    .addOption(prometheusOption())
    .addOption(
      new Option('--state <folder>', 'folder that contains the decision log and the pause file')
        .env('SCALER_STATE')
        .default(defaultStateFolder(), stateFolderWords),
    )
    .addOption(new Option('-p, --project-name <name>', 'Compose project (default: the name from Compose)').env('COMPOSE_PROJECT_NAME'))
    .addOption(
      new Option('--actuator <url>', "URL of the actuator; by default, the scaler uses this machine's docker command").env(
        'SCALER_ACTUATOR',
      ),
    )
    .addOption(new Option('-f, --file <files...>', 'Compose files with which the lab was started').default(composeFiles))
    .addOption(
      new Option('--time-scale <factor>', 'compress time by this factor: every period and window is shortened to 1/factor')
        .env('SCALER_TIME_SCALE')
        .default(1)
        .argParser(number(1, 100)),
    )
    .option('--dry-run', 'make and log decisions, but never act on them; needs its own --state folder if another scaler is running')
    .addOption(new Option('--listen <port>', `port that serves ${servedPaths}`).env('SCALER_LISTEN').argParser(number(0, 65535)))
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
  if (!read.ok) return program.error(read.problems.join('\n'), { exitCode: 2 })
  const { hpa } = read.value
  const settings: LoopSettings = { hpa, controller: controllerOf(options), timeScale: options.timeScale, dryRun: options.dryRun === true }
  const service = hpa.scaleTargetRef.name
  const files = options.file.map((file) => resolve(file))
  const project = options.projectName || (await projectName({ files, folder: root }))
  const actuator = await actuatorOf(options.actuator, { project, service, files })

  const stop = stopSignal()
  const logPath = decisionLogPath(options.state)
  const log = new DecisionLog(logPath)
  let lastTickAt: number | null = null
  const startedAt = systemClock.nowSeconds()
  // The loop counts as stuck after the maximum duration of a sync with a scaling action, plus the maximum pause before the next sync.
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
          metrics: () => exposition(metrics.registry),
          kubeState: () => exposition(metrics.kubeState),
          stuck,
          ready: () => lastTickAt !== null,
        })
  let { map } = read.value
  const reread = liveFiles(options, read.value, say)
  const ports: LoopPorts = {
    clock: systemClock,
    specification: async () => {
      const now = await reread()
      map = now.map
      return now
    },
    metrics: { read: (metrics, signal) => prometheusSource(options.prometheus, map, service, actuator.workingSets).read(metrics, signal) },
    target: replicaTarget(actuator),
    isPaused: () => exists(pauseFilePath(options.state)),
    rollout: {
      read: () => readRolloutScale(options.state).catch((error: Error) => void say(error.message)),
      write: (scale) => writeRolloutScale(options.state, scale),
    },
    write: async (record: TickRecord, replicas) => {
      // A full disk must not prevent the scaler from scaling.
      await log.append(record).catch((error: unknown) => say(`cannot write ${logPath}: ${String(error)}`))
      lastTickAt = systemClock.nowSeconds()
      metrics.observe(record, replicas)
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

async function actuatorOf(
  url: string | undefined,
  what: { project: string; service: string; files: readonly string[] },
): Promise<Actuator> {
  return url ? actuatorAt(url) : composeActuator({ ...what, folder: root, host: await engineHost(process.env) })
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

/** Returns a signal that aborts on SIGTERM or SIGINT. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    // The listener is added with on() rather than once(), because the code that cleans up child processes ends this process if no listener
    // remains.
    process.on(name, () => {
      say(`${name}: stopping`)
      controller.abort()
    })
  }
  return controller.signal
}

async function exposition(registry: Registry): Promise<Exposition> {
  return { body: await registry.metrics(), type: registry.contentType }
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
