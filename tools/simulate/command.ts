/**
 * Implements `./lab simulate`, which runs real clients and replicas against a model of the store in virtual time, and checks deliveries.
 */
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { faultText, planOf } from './plan.ts'
import { type Failure, replayLine, runSeeds, traced, withFaults } from './runs.ts'

interface Flags {
  seed: number
  runs: number
  faults?: number[]
  trace?: boolean
}

const greatestSeed = 2 ** 32 - 1

/** Adds the `simulate` command to a program. */
export function register(program: Command): void {
  program
    .command('simulate')
    .description('run clients, replicas and a model of the store in virtual time with seeded faults, and check the deliveries')
    .addOption(new Option('--seed <s>', 'the first seed').argParser(wholeNumber(0, greatestSeed)).default(1))
    .addOption(new Option('--runs <n>', 'number of seeds').argParser(wholeNumber(1, 10_000_000)).default(1000))
    .addOption(new Option('--faults <numbers>', "numbers of the first seed's faults that are injected, for example 1,4").argParser(numbers))
    .option('--trace', 'run only the first seed, and print every event')
    .addHelpText('after', '\nExit codes: 0 every guarantee was upheld, 1 a guarantee was violated, 130 interrupted.')
    .addHelpText('after', examples('./lab simulate', './lab simulate --runs 100000 --seed 5000', './lab simulate --seed 7 --trace'))
    .action(async (flags: Flags) => {
      const stop = stopOnSignals(() => {})
      const broken = await (flags.trace || flags.faults ? one(flags) : many(flags, stop))
      process.exitCode = stop.aborted ? exitCodes.interrupted : broken ? exitCodes.failed : exitCodes.ok
    })
}

/** Runs one seed. @returns whether a delivery guarantee was violated */
async function one({ seed, faults = [], trace: shown }: Flags): Promise<boolean> {
  const plan = withFaults(planOf(seed), faults)
  const { violations, trace } = await traced(plan)
  if (shown) for (const line of trace) console.log(line)
  for (const { kind, text } of violations) console.log(`seed ${seed}: ${kind}: ${text}`)
  if (violations.length === 0) console.log(`seed ${seed}: every guarantee was upheld`)
  return violations.length > 0
}

async function many({ seed, runs }: Flags, stop: AbortSignal): Promise<boolean> {
  const startedAtMs = performance.now()
  const { count, events, failures, unreached } = await runSeeds(seed, runs, stop)
  for (const failure of failures) console.log(failureText(failure))
  for (const state of unreached) console.log(`no seed reached the state: ${state}`)
  const seconds = Math.round((performance.now() - startedAtMs) / 100) / 10
  console.log(
    `${count} runs with ${events} events in ${seconds} s: ${failures.length === 0 ? 'every guarantee was upheld' : 'guarantees were violated'}`,
  )
  return failures.length > 0
}

/** Formats a failure: its violations, the faults that cause it, and the command that reproduces it. */
export function failureText(failure: Failure): string {
  const plan = planOf(failure.seed)
  const faults = withFaults(plan, failure.faults).faults.map((fault) => `  ${faultText(fault, plan)}`)
  const broken = failure.violations.slice(0, 3).map(({ kind, text, atMs }) => `  ${atMs} ms: ${kind.toUpperCase()}: ${text}`)
  return [`seed ${failure.seed}`, ...faults, ...broken, `  again: ${replayLine(failure)}`].join('\n')
}

function numbers(text: string): number[] {
  const read = text.split(',').map(Number)
  if (read.every((number) => Number.isInteger(number) && number > 0)) return read
  throw new InvalidArgumentError('Allowed are whole numbers from 1, separated by commas, as in 1,4.')
}
