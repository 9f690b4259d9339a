/** `run`: starts the scaler. Connects the control loop to Docker, to Prometheus, and to the files that it reads and writes. */
import { resolve } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { root } from '@lab/host/root.ts'
import type { Command } from 'commander'
import { Option } from 'commander'
import { collectDefaultMetrics, type Registry } from 'prom-client'
import { actuatorAt } from '../adapters/actuator.ts'
import { type Actuator, composeActuator, projectName, replicaTarget } from '../adapters/compose.ts'
import { engineHost } from '../adapters/docker.ts'
import { leaseFile, whileHolding } from '../adapters/lease-file.ts'
import { prometheusSource } from '../adapters/prometheus.ts'
import { systemClock, wallClock } from '../adapters/system-clock.ts'
import { type LoopStart, runAutoscalers } from '../autoscalers.ts'
import type { ControllerOptions } from '../core/types.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { DecisionLog, decisionLogPath, defaultStateFolder, isPaused, readLastRecord, stateFolderWords } from '../decision-log.ts'
import { readIntent, writeIntent } from '../intent-file.ts'
import { type LiveHpa, type LivePaths, liveFiles, pathsIn, readLiveFiles } from '../live-files.ts'
import type { LoopPorts, LoopSettings } from '../loop.ts'
import { maxBackoffPeriods, resumedState, stateAfterKill } from '../loop.ts'
import { mapFor } from '../metric-map.ts'
import { createScalerMetrics } from '../metrics.ts'
import type { ReplicaTarget } from '../ports.ts'
import type { TickRecord } from '../record.ts'
import { readRolloutScale, writeRolloutScale } from '../rollout-file.ts'
import { type Exposition, serve, servedPaths } from '../serve.ts'
import { syncWatchdog } from '../watchdog.ts'
import { hpaOption, metricMapOption, number, prometheusOption } from './options.ts'

interface RunOptions {
  readonly hpa: string
  readonly shadow: string
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
    .addOption(hpaOption())
    .addOption(
      new Option(
        '--shadow <paths>',
        'files and folders with autoscalers that decide on the same readings as those with the same target, and never act',
      )
        .env('SCALER_SHADOW')
        .default('', 'none'),
    )
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
  const paths: LivePaths = { hpa: pathsIn(options.hpa), metricMap: options.metricMap, shadow: pathsIn(options.shadow) }
  const read = await readLiveFiles(paths)
  if (!read.ok) return program.error(read.problems.join('\n'), { exitCode: 2 })
  const controller = controllerOf(options)
  const { timeScale } = options
  const dryRun = options.dryRun === true
  const files = options.file.map((file) => resolve(file))
  const project = options.projectName || (await projectName({ files, folder: root }))
  const serviceOf = await servicesOf(options.actuator, { project, files })

  const stop = stopSignal()
  const logPath = decisionLogPath(options.state)
  const log = new DecisionLog(logPath)
  const metrics = createScalerMetrics()
  collectDefaultMetrics({ register: metrics.registry })
  const periodSeconds = controller.syncPeriodSeconds / timeScale
  let isStandingBy = false
  const watchdog = syncWatchdog(180 + maxBackoffPeriods * periodSeconds)
  const endpoints =
    options.listen === undefined
      ? null
      : await serve(options.listen, {
          metrics: () => exposition(metrics.registry),
          kubeState: () => exposition(metrics.kubeState),
          stuck: () => watchdog.stuck(systemClock.nowSeconds()),
          ready: () => isStandingBy || watchdog.ready(),
        })
  for (const line of [...read.value.problems.map(({ text }) => text), ...read.value.hints]) say(line)
  let current = read.value
  const rereadFiles = liveFiles(paths, read.value, say)
  const reread = async () => {
    current = await rereadFiles()
    return current
  }

  const prepare = async (found: LiveHpa): Promise<LoopStart> => {
    const { name } = found.hpa
    const settings: LoopSettings = { hpa: found.hpa, controller, timeScale, dryRun }
    const sayOwn = (line: string) => say(`${name}: ${line}`)
    const isOwn = ({ hpa }: TickRecord) => hpa.name === name
    let held = found
    const service = () => held.hpa.scaleTargetRef.name
    watchdog.begin(name, systemClock.nowSeconds())
    metrics.add(found.hpa)
    const ports: LoopPorts = {
      clock: systemClock,
      specification: async () => {
        const { autoscalers } = await reread()
        // An autoscaler that was removed from the files makes its last sync with its last specification.
        held = autoscalers.find(({ hpa }) => hpa.name === name) ?? held
        return held
      },
      metrics: {
        read: (specs, signal) => {
          const map = mapFor(current.map, service())
          return prometheusSource(options.prometheus, map, service(), serviceOf(service()).workingSets).read(specs, signal)
        },
      },
      target: {
        list: (signal) => serviceOf(service()).target.list(signal),
        scaleTo: (...args) => serviceOf(service()).target.scaleTo(...args),
      },
      isPaused: () => isPaused(options.state, name),
      // Rollouts replace the replicas of ws only.
      rollout: {
        read: async () =>
          service() === services.ws ? readRolloutScale(options.state).catch((error: Error) => void sayOwn(error.message)) : undefined,
        write: (scale) => writeRolloutScale(options.state, scale),
      },
      intend: (record) => writeIntent(options.state, name, record),
      write: async (record, replicas) => {
        // A full disk must not prevent the scaler from scaling.
        await log.append(record).catch((error: unknown) => sayOwn(`cannot write ${logPath}: ${String(error)}`))
        watchdog.synced(name, systemClock.nowSeconds())
        metrics.observe(record, replicas)
      },
      say: sayOwn,
    }
    const last = await readLastRecord(logPath, isOwn)
    const intent = dryRun ? undefined : await readIntent(options.state, name)
    const wasKilled = intent !== undefined && (last === undefined || intent.time > last.time)
    if (wasKilled) await ports.write(intent, [])
    if (intent !== undefined) await writeIntent(options.state, name, undefined)
    const now = systemClock.nowSeconds()
    const state = wasKilled ? stateAfterKill(intent, settings, now) : resumedState(last, settings, now)
    const scale = timeScale === 1 ? '' : `, TIME COMPRESSED ${timeScale}x`
    const { minReplicas, maxReplicas } = found.hpa
    sayOwn(
      `scaling ${service()} of ${project} between ${minReplicas} and ${maxReplicas}${dryRun ? ', dry run' : ''}${scale}; log: ${logPath}`,
    )
    if (found.sharing.length > 0)
      sayOwn(`${service()} has several autoscalers, so none of them scales it by its metrics: ${found.sharing.join(', ')}`)
    return { settings, ports, state }
  }
  const removed = (name: string) => {
    watchdog.end(name)
    metrics.remove(name)
  }
  const scaleAll = (until: AbortSignal) =>
    runAutoscalers({ clock: systemClock, reread, prepare, removed, ended: watchdog.end, say }, periodSeconds, until)
  const changed = (holder: string | null) => {
    isStandingBy = holder !== null
    metrics.setLeader(holder === null)
  }
  // A dry run never acts, so it needs no lease.
  if (dryRun) await scaleAll(stop)
  else await whileHolding(leaseFile(options.state, wallClock), scaleAll, wallClock, { changed, say }, stop)
  await endpoints?.close()
  say('stopped')
}

/** A service, as seen by the autoscalers that scale it. */
interface ScaledService {
  readonly target: ReplicaTarget
  readonly workingSets: Actuator['workingSets']
}

/**
 * Returns a function that returns the access to a service. All autoscalers of a service share one object, because only one action at a time
 * may run on a service.
 */
async function servicesOf(
  url: string | undefined,
  what: { project: string; files: readonly string[] },
): Promise<(service: string) => ScaledService> {
  const host = url ? '' : await engineHost(process.env)
  const made = new Map<string, ScaledService>()
  return (service) => {
    const known = made.get(service)
    if (known !== undefined) return known
    const actuator = url ? actuatorAt(url, service) : composeActuator({ ...what, service, folder: root, host })
    const scaled = { target: replicaTarget(actuator), workingSets: actuator.workingSets }
    made.set(service, scaled)
    return scaled
  }
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
