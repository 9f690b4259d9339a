/**
 * `chaos`: one fault at a time, said beforehand, bounded, undone. The verdict of --check is the exit code: 0 as said, 1 not as
 * said, 2 it could not be tried or undone, 130 it was interrupted.
 */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { hostPorts } from '../contract/src/endpoints.ts'
import { findComposeLab } from './compose-lab.ts'
import { type FaultName, faultNames, faults } from './core/faults.ts'
import { planOf } from './core/plan.ts'
import { allowedSeconds, readSeconds } from './core/seconds.ts'
import { listText, planText, verdictText } from './core/text.ts'
import type { Ground, Plan } from './core/types.ts'
import { findEmbeddedLab } from './embedded-lab.ts'
import { type Run, runFault } from './run.ts'
import type { World } from './world.ts'

interface Options {
  replica?: string
  for?: number
  check?: boolean
  json?: boolean
  /** Its page, or true for where it is by default. */
  embedded?: string | true
}

const exitCodes = { asSaid: 0, notAsSaid: 1, notTried: 2, interrupted: 130 } as const

/** Adds `chaos` and its faults to a program. */
export function registerChaos(program: Command): void {
  const chaos = program
    .command('chaos')
    .description('break something on purpose: said beforehand, bounded in time, undone')
    .addHelpText(
      'after',
      `\nExamples:\n  lab chaos list\n  lab chaos kill --replica ws-2\n  lab chaos partition --for 1m --check\n  lab chaos pause --embedded --check\n`,
    )
  chaos
    .command('list')
    .description('all faults, and how long each lasts')
    .option('--json', 'as JSON')
    .action(({ json }: Options) => console.log(json ? JSON.stringify(faults, null, 2) : listText()))
  for (const name of faultNames) addFault(chaos, name)
}

function addFault(chaos: Command, name: FaultName): void {
  const { what, hitsReplica } = faults[name]
  const command = chaos.command(name).description(what)
  if (hitsReplica) command.option('--replica <name>', 'the replica it hits, as in ws-2 (default: the last one)')
  command
    .addOption(new Option('--for <time>', 'how long it lasts, as in 30s or 2m').argParser(seconds))
    .option('--check', 'assert what is said beforehand; the exit code is the verdict')
    .option('--json', 'plan and verdict as JSON on standard output, progress on standard error')
    .option('--embedded [page]', `on the embedded lab, whose page is at http://localhost:${hostPorts.GRAFANA_PORT} or here`)
    .action(async (options: Options) => {
      process.exitCode = await perform(name, options).catch((error: Error) => {
        console.error(`chaos: ${error.message}`)
        return exitCodes.notTried
      })
    })
}

function seconds(text: string): number {
  const read = readSeconds(text)
  if (read === undefined) throw new InvalidArgumentError(`Allowed are ${allowedSeconds.min}s to ${allowedSeconds.max}s, as in 30s or 2m.`)
  return read
}

async function perform(name: FaultName, options: Options): Promise<number> {
  const ground: Ground = options.embedded === undefined ? 'compose' : 'embedded'
  const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
  const world = await find(options)
  const lasts = options.for ?? defaultSeconds(name, ground)
  const planned = planOf(name, await world.scene(options.replica, lasts))
  if (!planned.ok) throw new Error(planned.problem)
  const { plan } = planned
  if (!options.json) console.log(`${planText(plan)}\n`)
  const stop = stopOnSignals(say)
  const run = await runFault(plan, world, { seconds: lasts, check: options.check === true, say, stop })
  return conclude(plan, run, options)
}

function find({ embedded }: Options): Promise<World> {
  if (embedded === undefined) return findComposeLab()
  return findEmbeddedLab(embedded === true ? `http://localhost:${process.env.GRAFANA_PORT || hostPorts.GRAFANA_PORT}` : embedded)
}

function defaultSeconds(name: FaultName, ground: Ground): number {
  const times: Partial<Record<Ground, number>> = faults[name].seconds
  return times[ground] ?? Math.max(...Object.values(times))
}

function conclude(plan: Plan, run: Run, { check, json }: Options): number {
  const came = run.findings.every((finding) => finding.came)
  if (json) console.log(JSON.stringify({ ...plan, ...run, ...(check && { pass: came && !run.interrupted }) }, null, 2))
  else if (check && !run.interrupted) console.log(verdictText(run.findings))
  if (run.leftovers.length > 0) {
    console.error(`chaos: not everything could be undone; by hand:\n  ${plan.byHand.join('\n  ')}`)
    return exitCodes.notTried
  }
  if (run.interrupted) return exitCodes.interrupted
  return came ? exitCodes.asSaid : exitCodes.notAsSaid
}

/** The first signal ends the fault early; a second one does not stop its being undone. */
function stopOnSignals(say: (line: string) => void): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      say(stop.signal.aborted ? `${signal}: still undoing it` : `${signal}: it is undone now`)
      stop.abort()
    })
  }
  return stop.signal
}
