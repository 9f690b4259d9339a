/**
 * Implements the `chaos` command: it prints a fault's expected effects, starts the fault, undoes it after a limited time, and can check the
 * effects.
 */
import { type FaultName, faults, isFaultName, singleFaultNames } from '@lab/faults/catalogue/index.ts'
import { prepare, type Run, runFault } from '@lab/faults/engine.ts'
import type { FaultPlan } from '@lab/faults/fault.ts'
import { examples, printJson } from '@lab/host/arguments.ts'
import { allowedDurations, readDuration } from '@lab/host/durations.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { pause } from '@lab/host/until.ts'
import { type FoundLab, findLab } from '@lab/lab/find.ts'
import { onOption, pageOption, type WhichLab } from '@lab/lab/options.ts'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { startBackgroundClients } from './background-clients.ts'
import { listText, planText, resultText } from './text.ts'

interface Options extends WhichLab {
  replica?: string
  for?: number
  check?: boolean
  json?: boolean
}

/** Bounds of `--for`. Seconds. */
const allowedSeconds = { min: 5, max: 600 } as const
/** How long the clients send messages before the fault begins. */
const warmUpMs = 3_000

/** Adds the `chaos` command to a program. */
export function register(program: Command): void {
  const chaos = program
    .command('chaos')
    .description('inject one fault, after printing the expected effects, and undo it')
    .argument('<fault>', 'name of the fault, see `chaos list`', faultName)
    .option('--replica <name>', 'replica that the fault affects, for example ws-2 (default: the last one)')
    .addOption(new Option('--for <time>', 'duration of the fault, for example 30s or 2m').argParser(seconds))
    .option('--check', 'check the expectations; the exit code reports the result')
    .option('--json', 'print the plan and the result as JSON on standard output, and progress on standard error')
    .addOption(onOption())
    .addOption(pageOption())
    .addHelpText('after', help)
    .action(async (name: FaultName, options: Options) => {
      process.exitCode = await perform(name, options).catch((error: Error) => {
        console.error(`chaos: ${error.message}`)
        return exitCodes.notTried
      })
    })
  chaos
    .command('list')
    .description('list all faults and their default durations')
    .option('--json', 'print one JSON document')
    .action((_options: Options, command: Command) => {
      // Commander assigns `--json` to the parent command, which also has a `--json` option, so this command reads the options of both
      // commands.
      if (command.optsWithGlobals<Options>().json) printJson(Object.fromEntries(singleFaultNames.map((name) => [name, faults[name]])))
      else console.log(listText())
    })
}

const help = `
Exit codes: 0 as expected, 1 not as expected, 2 not started or not undone, 130 interrupted and undone.
${examples(
  './lab chaos list',
  './lab chaos kill --replica ws-2',
  './lab chaos partition --for 1m --check',
  './lab chaos pause --on embedded --check',
  './lab chaos drain --on kubernetes --check',
)}`

function seconds(text: string): number {
  const read = readDuration(text)
  if (read !== undefined && Number.isInteger(read) && read >= allowedSeconds.min && read <= allowedSeconds.max) return read
  throw new InvalidArgumentError(`Allowed are whole seconds from ${allowedSeconds.min}s to ${allowedSeconds.max}s, as ${allowedDurations}.`)
}

function faultName(text: string): FaultName {
  if (isFaultName(text) && singleFaultNames.includes(text)) return text
  throw new InvalidArgumentError(`Allowed are ${singleFaultNames.join(', ')}.`)
}

async function perform(name: FaultName, options: Options): Promise<number> {
  const { replica, on, page } = options
  if (replica !== undefined && !faults[name].hitsReplica) throw new LabError(`--replica: ${name} does not affect a single replica`)
  const lab = await findLab({ on, ...(page !== undefined && { page }) })
  try {
    return await performOn(lab, name, options)
  } finally {
    await lab.close()
  }
}

async function performOn(lab: FoundLab, name: FaultName, options: Options): Promise<number> {
  const { replica, on, json = false, check = false } = options
  const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
  // If this lab does not support the fault, any valid duration will do, because `prepare` then rejects with an error that names the fault.
  const plan = await prepare(lab, name, { replica, seconds: options.for ?? faults[name].on[on]?.seconds ?? allowedSeconds.max })
  if (!json) console.log(`${planText(plan)}\n`)
  const stop = stopOnSignals((signal, first) => say(`${signal}: ${first ? 'undoing the fault' : 'still undoing the fault'}`))
  const endClients = check ? startBackgroundClients(lab.entry) : () => undefined
  try {
    if (check) await pause(warmUpMs, stop)
    const run = await runFault(lab, plan, { check, say, stop })
    return conclude(plan, run, { check, json })
  } finally {
    endClients()
  }
}

function conclude(plan: FaultPlan, run: Run, { check, json }: { check: boolean; json: boolean }): number {
  const asExpected = run.findings.every((finding) => finding.asExpected)
  if (json) printJson({ ...plan, ...run, ...(check && { pass: asExpected && !run.interrupted }) })
  else if (check && !run.interrupted) console.log(resultText(run.findings))
  if (run.leftovers.length > 0) {
    console.error(`chaos: not everything could be undone; by hand:\n  ${plan.byHand.join('\n  ')}`)
    return exitCodes.notTried
  }
  if (run.interrupted) return exitCodes.interrupted
  return asExpected ? exitCodes.ok : exitCodes.failed
}
