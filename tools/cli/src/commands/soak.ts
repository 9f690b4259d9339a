/** Implements the `soak` command, which holds a load for hours or days, and judges whether memory, files, series or latency grow. */
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { say } from '@lab/host/docker.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { scenarios } from '@lab/k6/lib/scenarios.ts'
import { runningComposeLab } from '@lab/lab/find.ts'
import { duration } from '@lab/scaler/commands/options.ts'
import { type Command, InvalidArgumentError } from 'commander'
import { span } from '../soak/report.ts'
import { soak, soakFolder } from '../soak/run.ts'
import { soakFiles } from '../soak/state.ts'

interface Options {
  sockets: number
  new?: boolean
}

/** The shortest soak that has enough samples for a verdict, and the longest one. Seconds. */
const bounds = { min: 120, max: 30 * 86_400 } as const

export function register(program: Command): void {
  program
    .command('soak')
    .description(
      'hold sockets on the Compose lab for a long time, and judge the slopes of memory, file descriptors, time series and latency; ' +
        'after an interruption, the same command continues the soak',
    )
    .argument('<time>', 'duration, for example 1h or 72h', soakDuration)
    .option('--sockets <number>', 'number of sockets', wholeNumber(1, 10_000), scenarios.soak.sockets)
    .option('--new', 'delete the state of an earlier soak, and start a new one')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing grows, 1 a figure grows, or the run cannot show that it does not, 2 not started,\n130 interrupted.',
    )
    .addHelpText('after', examples('./lab soak 72h', './lab soak 1h --sockets 1000', './lab soak 10m --new'))
    .action(async (seconds: number, options: Options) => {
      process.exitCode = await perform(seconds, options)
    })
}

function soakDuration(text: string): number {
  const seconds = duration(text)
  if (seconds >= bounds.min && seconds <= bounds.max) return seconds
  throw new InvalidArgumentError(`Allowed are durations from ${span(bounds.min)} to ${span(bounds.max)}.`)
}

async function perform(seconds: number, { sockets, new: fresh = false }: Options): Promise<number> {
  const lab = await runningComposeLab()
  const stop = stopOnSignals((signal) => say(`${signal}: closing the sockets; the same command continues the soak`))
  try {
    const { problems } = await soak(lab, { seconds, sockets, fresh }, say, stop)
    say(`Report: ${soakFolder()}/${soakFiles.report}`)
    if (stop.aborted) return exitCodes.interrupted
    for (const problem of problems) say(problem)
    say(problems.length === 0 ? 'Nothing grows.' : 'The soak failed.')
    return problems.length === 0 ? exitCodes.ok : exitCodes.failed
  } catch (error) {
    if (stop.aborted) return exitCodes.interrupted
    throw error
  } finally {
    await lab.close()
  }
}
