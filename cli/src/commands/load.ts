/** `load`: k6 against the lab's entry. */
import { services } from '@lab/contract/endpoints.ts'
import { Argument, type Command, InvalidArgumentError } from 'commander'
import { scenarios } from '../../../k6/lib/scenarios.ts'
import { duration } from '../../../scaler/src/commands/options.ts'
import { loadCommand } from '../compose.ts'
import { attached, endedWell, say } from '../docker.ts'
import { LabError } from '../lab-error.ts'
import { runningServices } from '../project.ts'
import { examples, wholeNumber } from './options.ts'

interface Options {
  duration?: number
  sockets?: number
  seed?: number
  short?: boolean
}

/** k6's exit code when a threshold was crossed. */
const thresholdsCrossed = 99

const purposes = Object.entries(scenarios).map(([name, { purpose }]) => `  ${name.padEnd(9)} ${purpose}`)

export function register(program: Command): void {
  program
    .command('load')
    .description('open sockets and send messages, from a container; a summary goes to reports/')
    .addArgument(new Argument('<what>', 'a number of sockets, or the name of a scenario').argParser(wanted))
    .option('--duration <time>', 'how long, as in 90s or 5m', duration)
    .option('--sockets <number>', "a scenario's peak", wholeNumber(1, 20_000))
    .option('--seed <number>', "repeat a run's random choices", wholeNumber(0, 2 ** 32 - 1))
    .option('--short', 'a shortened form of the scenario')
    .addHelpText(
      'after',
      `\nScenarios:\n${purposes.join('\n')}\n${examples('lab load 1000', 'lab load 300 --duration 5m', 'lab load spike --short')}`,
    )
    .action(load)
}

function wanted(text: string): { sockets: number } | { scenario: string } {
  if (Object.hasOwn(scenarios, text)) return { scenario: text }
  if (/^\d+$/.test(text)) return { sockets: wholeNumber(1, 20_000)(text) }
  throw new InvalidArgumentError(`Allowed are a number of sockets and ${Object.keys(scenarios).join(', ')}.`)
}

async function load(what: { sockets?: number; scenario?: string }, options: Options): Promise<void> {
  const owner =
    process.platform === 'linux' && process.getuid && process.getgid ? { uid: process.getuid(), gid: process.getgid() } : undefined
  const running = await runningServices()
  if (!running.has(services.traefik)) throw new LabError('the entry does not run; start it: lab up')
  const exitCode = await attached(loadCommand({ ...options, ...what, ...(owner && { owner }) }, running))
  if (exitCode === thresholdsCrossed) throw new LabError('the load ran, and the lab did not keep its promises: a threshold was crossed')
  if (!endedWell(exitCode)) return
  say('The summary above stands in reports/ as well.')
}
