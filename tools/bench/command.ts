/**
 * Implements `./lab bench`, which benchmarks the service or the scaler. The command exits with code 1 if a measurement fails or a
 * requirement is not met.
 */
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { type Command, Option } from 'commander'
import { runBench } from './run.ts'
import { runScalerBench } from './scaler.ts'
import { type ScenarioName, scenarios } from './scenarios.ts'

interface Options {
  rounds?: number
  only?: ScenarioName[]
  quick?: boolean
  profile?: boolean
}

const names = Object.keys(scenarios) as ScenarioName[]

/** Adds the `bench` and `bench scaler` commands to a program. */
export function register(program: Command): void {
  const bench = program
    .command('bench')
    .description('compare the speed of the service with a plain ws server in alternating rounds, and write docs/benchmarks.md (Linux only)')
    .option('--rounds <number>', 'number of rounds (default: 3, or 1 with --quick)', wholeNumber(1, 20))
    .addOption(
      new Option('--only <scenario...>', 'measure only these scenarios; the result is written to reports/benchmarks.md').choices(names),
    )
    .option('--quick', 'take short measurements with less precise results, which are written to reports/benchmarks.md')
    .option('--profile', 'also write CPU profiles to reports/')
    .addHelpText('after', examples('./lab bench', './lab bench --quick --only echo1', './lab bench scaler'))
    .action(service)
  bench
    .command('scaler')
    .description(
      'measure the CPU time of decisions, and the time to replay a recorded hour; prints the results and writes no files; exit code 1 if a figure misses half of its goal',
    )
    .action(runScalerBench)
}

async function service({ rounds, only = names, quick = false, profile = false }: Options): Promise<void> {
  try {
    await runBench({ rounds: rounds ?? (quick ? 1 : 3), only: new Set(names.filter((name) => only.includes(name))), quick, profile })
  } catch (error) {
    throw new LabError(messagesOf(error).join('\n'))
  }
}

/** Returns the messages of an error and its causes, without duplicates. */
function messagesOf(error: unknown): string[] {
  const lines: string[] = []
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (!lines.includes(at.message)) lines.push(at.message)
  return lines
}
