/**
 * Implements the `load` command, which runs k6 against the Compose lab or in a cluster, or sets the load that the embedded lab's own clients
 * create.
 */
import { embeddedBounds } from '@lab/contract/embedded-api.ts'
import { services } from '@lab/contract/endpoints.ts'
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { loadCommand } from '@lab/host/compose.ts'
import { attached, endedWell, fileOwner, say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { pause } from '@lab/host/until.ts'
import { curveLengthMs, type ScenarioName, scenarios } from '@lab/k6/lib/scenarios.ts'
import { labContainers, runningAmong, startOf } from '@lab/lab/compose/project.ts'
import { loadEnd, startLoad, stopLoad } from '@lab/lab/kubernetes/load.ts'
import { onOption, pageOption, type WhichLab } from '@lab/lab/options.ts'
import { duration } from '@lab/scaler/commands/options.ts'
import { Argument, type Command, InvalidArgumentError } from 'commander'
import { embeddedLab, toTheSame } from '../embedded.ts'
import { onKubernetes } from '../kubernetes.ts'

interface LoadOptions {
  /** Seconds. */
  duration?: number
  sockets?: number
  seed?: number
  short?: boolean
}

type Wanted = { sockets: number } | { scenario: ScenarioName }

/** k6's exit codes for a crossed threshold and for a run that was interrupted by a signal. */
const thresholdsCrossed = 99
const endedBySignal = 105
const k6Sockets = { min: 1, max: 20_000 } as const

const purposes = Object.entries(scenarios).map(([name, { purpose }]) => `  ${name.padEnd(9)} ${purpose}`)

export function register(program: Command): void {
  const { min, max } = k6Sockets
  program
    .command('load')
    .description(
      'open sockets and send messages; on Compose with k6 in a container, which writes a summary to reports/, ' +
        'in a cluster with k6 in a Job, and on the embedded lab with its own clients, until the duration ends or another load is set',
    )
    .addArgument(new Argument('<what>', 'number of sockets, or name of a scenario').argParser(wanted))
    .addOption(onOption())
    .addOption(pageOption())
    .option('--duration <time>', 'duration, for example 90s or 5m', duration)
    .option('--sockets <number>', 'maximum number of sockets of a scenario', wholeNumber(min, max))
    .option('--seed <number>', 'seed of the random choices; the same seed repeats a run', wholeNumber(0, 2 ** 32 - 1))
    .option('--short', 'run a short version of the scenario')
    .addHelpText(
      'after',
      `\nScenarios (on Compose and in a cluster):\n${purposes.join('\n')}\n${examples('./lab load 1000', './lab load 300 --duration 5m', './lab load spike --short', './lab load 200 --on embedded', './lab load 500 --on kubernetes')}`,
    )
    .action((what: Wanted, { on, page, ...options }: WhichLab & LoadOptions, command: Command) => {
      switch (on) {
        case 'embedded':
          return loadEmbedded(what, { on, ...(page && { page }) }, options, command)
        case 'kubernetes':
          return loadKubernetes(what, options, command)
        case 'compose':
          return loadCompose(what, options, command)
      }
    })
}

function wanted(text: string): Wanted {
  if (Object.hasOwn(scenarios, text)) return { scenario: text as ScenarioName }
  if (/^\d+$/.test(text)) return { sockets: wholeNumber(0, k6Sockets.max)(text) }
  throw new InvalidArgumentError(`Allowed are a number of sockets and ${Object.keys(scenarios).join(', ')}.`)
}

/** Ends the command if the number of sockets is 0, which only the embedded lab accepts. */
function refuseNoSockets(what: Wanted, command: Command): void {
  const { min, max } = k6Sockets
  if ('sockets' in what && what.sockets < min) {
    command.error(`error: ${what.sockets} sockets: allowed is a whole number from ${min} to ${max}`, { exitCode: exitCodes.notTried })
  }
}

async function loadKubernetes(what: Wanted, options: LoadOptions, command: Command): Promise<void> {
  refuseNoSockets(what, command)
  const scenario = 'scenario' in what ? what.scenario : 'default'
  const { sockets, stages, short } = scenarios[scenario]
  const load = {
    ...options,
    scenario,
    sockets: 'sockets' in what ? what.sockets : (options.sockets ?? sockets),
    seconds: options.duration ?? curveLengthMs(options.short ? short : stages) / 1000,
  }
  await onKubernetes(async () => {
    const stop = stopOnSignals((signal) => say(`${signal}: deleting the Job`))
    const { pods, socketsPerPod } = await startLoad(load)
    say(`${pods} pods run k6 for ${load.seconds} s, with ${socketsPerPod} sockets each. Ctrl-C deletes the Job.`)
    const end = await loadEnd(stop).finally(stopLoad)
    if (end === undefined) {
      process.exitCode = exitCodes.interrupted
      return
    }
    for (const [pod, summary] of end.summaries) process.stdout.write(`${pod}\n${summary}\n\n`)
    if (end.exitCodes.includes(thresholdsCrossed)) throw new LabError('the load test ended, but a threshold of its scenario was crossed')
    const failed = end.exitCodes.find((code) => code !== 0)
    if (failed !== undefined) throw new LabError(`k6 failed with exit code ${failed}`)
    if (end.exitCodes.length < pods)
      throw new LabError(`only ${end.exitCodes.length} of ${pods} pods ended; the Job's deadline ended the others`)
  })
}

async function loadCompose(what: Wanted, options: LoadOptions, command: Command): Promise<void> {
  refuseNoSockets(what, command)
  const owner = fileOwner()
  const containers = await labContainers()
  if (!runningAmong(containers).has(services.traefik)) throw new LabError('Traefik does not run; start the lab: ./lab up')
  const exitCode = await attached(loadCommand({ ...options, ...what, ...(owner && { owner }) }, await startOf(containers)))
  if (exitCode === thresholdsCrossed) throw new LabError('the load test ended, but a threshold of its scenario was crossed')
  if (exitCode === endedBySignal) {
    say('interrupted: the summary above covers the time until the interrupt')
    process.exitCode = exitCodes.interrupted
    return
  }
  if (!endedWell(exitCode)) return
  say('The summary is also in reports/.')
}

async function loadEmbedded(what: Wanted, which: WhichLab, { duration: seconds, ...others }: LoadOptions, command: Command): Promise<void> {
  const { min, max } = embeddedBounds.sockets
  if ('scenario' in what || what.sockets > max || Object.values(others).some((value) => value !== undefined)) {
    return command.error(`error: --on embedded accepts a number of sockets from ${min} to ${max}, and --duration`, {
      exitCode: exitCodes.notTried,
    })
  }
  const lab = await embeddedLab(which)
  const before = (await lab.readings()).loadWanted
  const stop = stopOnSignals((signal) => say(`${signal}: resetting the load to ${before} sockets`))
  await lab.setLoad(what.sockets)
  if (seconds === undefined) {
    say(`The load is now ${what.sockets} sockets. To end it: ./lab load 0 ${toTheSame(which)}`)
    return
  }
  await pause(seconds * 1000, stop)
  await lab.setLoad(before)
  if (stop.aborted) process.exitCode = exitCodes.interrupted
}
