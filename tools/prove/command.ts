/**
 * Implements the `prove` command, which injects planned faults while clients send room messages, and checks whether any message was lost,
 * duplicated or reordered. The `compare` command compares the proof reports of two sets of runs. The exit codes are documented at
 * `exitCodes`.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decimal, entryAddress, examples, printJson, wholeNumber } from '@lab/host/arguments.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { onOption, pageOption } from '@lab/lab/options.ts'
import { type Command, Option } from 'commander'
import { markdown } from './core/report.ts'
import { flagBounds as bounds, type Flags, pricesFile, readOptions } from './options.ts'
import { prove } from './prove.ts'
import { compare } from './report/compare.ts'
import { compareTable } from './report/compare-table.ts'
import { type ProofReport, readReport } from './report/schema.ts'

const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
const whole = ({ min, max }: { min: number; max: number }) => wholeNumber(min, max)

/** Adds the `prove` and `compare` commands to a program. */
export function register(program: Command): void {
  registerProve(program)
  registerCompare(program)
}

function registerProve(program: Command): void {
  program
    .command('prove')
    .description(
      'inject faults according to a plan while clients send messages, and check whether messages were lost, duplicated or reordered',
    )
    .addOption(onOption())
    .addOption(pageOption())
    .addOption(new Option('--sockets <n>', 'number of clients (default: 500; 200 with --report)').argParser(whole(bounds.sockets)))
    .addOption(
      new Option('--rooms <n>', 'number of rooms that the clients share (default: one per 20 clients)').argParser(whole(bounds.rooms)),
    )
    .addOption(new Option('--rate <n>', 'room messages per second from all clients together (default: 50)').argParser(whole(bounds.rate)))
    .addOption(
      new Option(
        '--minutes <m>',
        'duration in minutes (default: long enough for the faults, at least 5); with --report, the time for the faults',
      ).argParser(decimal(bounds.minutes.min, bounds.minutes.max)),
    )
    .addOption(
      new Option('--drains <n>', 'number of drains; every other fault in --faults is injected once').argParser(whole(bounds.drains)),
    )
    .option('--faults <kinds>', 'names of faults, as in docs/chaos.md; or reset, all or none (default: all; with --drains, only drain)')
    .addOption(new Option('--replicas <n>', 'number of replicas during the run (default: 3)').argParser(whole(bounds.replicas)))
    .addOption(
      new Option('--seed <s>', 'seed of the plan; the same seed produces the same plan (default: from the clock)').argParser(
        whole(bounds.seed),
      ),
    )
    .option('--up', 'start a lab for the run and remove it afterwards; with --report, the lab includes the scaler')
    .option('--valkey <url>', 'store of an embedded lab that --up starts, for example valkey://127.0.0.1:6379')
    .addOption(
      new Option(
        '--entry <url>',
        "address to connect to instead of the lab's port, because Docker's proxy supports only a few thousand sockets; on Kubernetes, the " +
          'address of the Ingress controller (default: LAB_INGRESS, or the address in the Ingress)',
      ).argParser(entryAddress),
    )
    .option('--reports <folder>', 'folder for prove.json and prove.md (default: reports/PROJECT, reports/embedded or reports/kubernetes)')
    .option('--report', 'run a load, scale up and down, cause two drains and a crash, and write proof/report.html and report.json')
    .option('--prices <file>', `file with the resource prices, for --report (default: ${pricesFile})`)
    .option('--json', 'print the result as JSON on standard output, and progress on standard error')
    .addHelpText('after', '\nExit codes: 0 nothing was lost, 1 something was lost, 2 not started, 130 interrupted.')
    .addHelpText(
      'after',
      examples(
        './lab prove                              every kind of fault, on the running lab',
        './lab prove --sockets 200 --drains 2     a run that takes a minute',
        './lab prove --on embedded --drains 2     a run without Docker',
        './lab prove --on kubernetes --drains 2   a run in a cluster',
        './lab prove --report --up                a proof report of a lab that is started for the run',
      ),
    )
    .action(async ({ json = false, ...flags }: Flags & { json?: boolean }) => {
      const stop = stopOnSignals((signal, first) =>
        log(`${signal}: ${first ? 'undoing the current fault first' : 'still undoing the fault'}`),
      )
      const code = await performProve(flags, json, stop).catch((error: Error) => {
        log(`prove: ${error.message}`)
        return stop.aborted ? exitCodes.interrupted : exitCodes.notTried
      })
      endWith(code)
    })
}

async function performProve(flags: Flags, json: boolean, stop: AbortSignal): Promise<number> {
  const read = readOptions(flags, Date.now() % 2 ** 32)
  if (!read.ok) {
    for (const problem of read.problems) console.error(`prove: ${problem}`)
    return exitCodes.notTried
  }
  const { report, proven } = await prove(read.value, { args: process.argv.slice(2), log, stop })
  if (json) printJson(report)
  else console.log(markdown(report))
  return proven ? exitCodes.ok : exitCodes.failed
}

/** Time limit for connections to close at the end of a run. Milliseconds. */
const closeWithinMs = 2000

/** Sets the exit code, and exits after a time limit even if some connections have not closed. */
function endWith(code: number): void {
  process.exitCode = code
  setTimeout(() => process.exit(), closeWithinMs).unref()
}

function registerCompare(program: Command): void {
  program
    .command('compare')
    .description('compare the proof reports of two sets of runs, metric by metric')
    .argument('<before>', 'a report.json, several separated by commas, or a folder (*.json, */report.json, */proof/report.json)')
    .argument('<after>', 'like <before>; if either set has fewer than three runs, only lost messages and connections are compared')
    .option('--json', 'print the comparison as JSON on standard output')
    .addHelpText('after', '\nExit codes: 0 nothing is significantly worse, 1 something is worse, 2 the reports could not be read.')
    .addHelpText('after', examples('./lab compare docs/sample/proof-report.json reports/lab/proof/report.json'))
    .action((before: string, after: string, { json }: { json?: boolean }) => {
      try {
        const comparison = compare(reportsAt(before), reportsAt(after))
        if (json) printJson(comparison)
        else console.log(compareTable(comparison, { before, after }))
        process.exitCode = comparison.worse ? exitCodes.failed : exitCodes.ok
      } catch (error) {
        console.error(`compare: ${(error as Error).message}`)
        process.exitCode = exitCodes.notTried
      }
    })
}

function reportsAt(place: string): ProofReport[] {
  const files = place.split(',').flatMap((path) => (statSync(path).isDirectory() ? filesIn(path) : [path]))
  if (files.length === 0) throw new Error(`${place}: the folder contains no report`)
  return files.map((file) => readReport(readFileSync(file, 'utf8'), file))
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.isFile() && entry.name.endsWith('.json')) return [join(folder, entry.name)]
      if (!entry.isDirectory()) return []
      const inner = ['', 'proof'].map((name) => join(folder, entry.name, name, 'report.json'))
      return inner.filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
    })
    .sort()
}
