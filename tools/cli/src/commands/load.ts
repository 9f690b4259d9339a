/** Implements the `load` command, which runs k6 against the Compose lab, or sets the load that the embedded lab's own clients create. */
import { embeddedBounds } from '@lab/contract/embedded-api.ts'
import { services } from '@lab/contract/endpoints.ts'
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { loadCommand } from '@lab/host/compose.ts'
import { attached, endedWell, fileOwner, say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { pause } from '@lab/host/until.ts'
import { scenarios } from '@lab/k6/lib/scenarios.ts'
import { labContainers, runningAmong, startOf } from '@lab/lab/compose/project.ts'
import { localKinds } from '@lab/lab/lab.ts'
import { onOption, pageOption, type WhichLab } from '@lab/lab/options.ts'
import { duration } from '@lab/scaler/commands/options.ts'
import { Argument, type Command, InvalidArgumentError } from 'commander'
import { embeddedLab, toTheSame } from '../embedded.ts'

interface LoadOptions {
  /** Seconds. */
  duration?: number
  sockets?: number
  seed?: number
  short?: boolean
}

type Wanted = { sockets: number } | { scenario: string }

/** k6's exit codes for a crossed threshold and for a run that was interrupted by a signal. */
const thresholdsCrossed = 99
const endedBySignal = 105
const socketsOnCompose = { min: 1, max: 20_000 } as const

const purposes = Object.entries(scenarios).map(([name, { purpose }]) => `  ${name.padEnd(9)} ${purpose}`)

export function register(program: Command): void {
  const { min, max } = socketsOnCompose
  program
    .command('load')
    .description(
      'open sockets and send messages; on Compose with k6 in a container, which writes a summary to reports/, ' +
        'and on the embedded lab with its own clients, until the duration ends or another load is set',
    )
    .addArgument(new Argument('<what>', 'number of sockets, or name of a scenario').argParser(wanted))
    .addOption(onOption(localKinds))
    .addOption(pageOption())
    .option('--duration <time>', 'duration, for example 90s or 5m', duration)
    .option('--sockets <number>', 'maximum number of sockets of a scenario', wholeNumber(min, max))
    .option('--seed <number>', 'seed of the random choices; the same seed repeats a run', wholeNumber(0, 2 ** 32 - 1))
    .option('--short', 'run a short version of the scenario')
    .addHelpText(
      'after',
      `\nScenarios (on Compose only):\n${purposes.join('\n')}\n${examples('./lab load 1000', './lab load 300 --duration 5m', './lab load spike --short', './lab load 200 --on embedded')}`,
    )
    .action((what: Wanted, { on, page, ...options }: WhichLab & LoadOptions, command: Command) =>
      on === 'embedded' ? loadEmbedded(what, { on, ...(page && { page }) }, options, command) : loadCompose(what, options, command),
    )
}

function wanted(text: string): Wanted {
  if (Object.hasOwn(scenarios, text)) return { scenario: text }
  if (/^\d+$/.test(text)) return { sockets: wholeNumber(0, socketsOnCompose.max)(text) }
  throw new InvalidArgumentError(`Allowed are a number of sockets and ${Object.keys(scenarios).join(', ')}.`)
}

async function loadCompose(what: Wanted, options: LoadOptions, command: Command): Promise<void> {
  const { min, max } = socketsOnCompose
  if ('sockets' in what && what.sockets < min) {
    return command.error(`error: ${what.sockets} sockets: allowed is a whole number from ${min} to ${max}`, {
      exitCode: exitCodes.notTried,
    })
  }
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
