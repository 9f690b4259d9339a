/**
 * Implements `./lab storm`, which twice kills a replica with many sockets: first with naive clients that reconnect at once, then with
 * clients that wait for a random time. The command prints a comparison of the two storms and writes reports/storm.json.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { entryAddress, examples, printJson, wholeNumber } from '@lab/host/arguments.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { embeddedReports, reportsFolder } from '@lab/host/project.ts'
import { root } from '@lab/host/root.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { findLab } from '@lab/lab/find.ts'
import { type LocalKind, localKinds } from '@lab/lab/lab.ts'
import { onOption, pageOption, type WhichLab } from '@lab/lab/options.ts'
import { scalerHold } from '@lab/lab/scaler-hold.ts'
import { type Command, Option } from 'commander'
import { type Comparison, compare, comparisonText } from './compare.ts'
import { storm } from './driver.ts'

/**
 * Default number of sockets on the replica that is killed. The embedded lab uses fewer sockets, because it shares the machine's cores with
 * the clients.
 */
const usualSockets = { compose: 2000, embedded: 1000 } as const satisfies Record<LocalKind, number>

interface Flags extends WhichLab<LocalKind> {
  entry?: string
  sockets?: number
  json?: boolean
}

/** Adds the `storm` command to a program. */
export function register(program: Command): void {
  const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
  program
    .command('storm')
    .description(
      'kill a replica that has many sockets, first with clients that reconnect immediately, then with clients that wait for a random time',
    )
    .addOption(onOption(localKinds))
    .addOption(pageOption())
    .addOption(
      new Option(
        '--sockets <n>',
        `number of sockets on the replica when it is killed (default: ${usualSockets.compose}; on the embedded lab ${usualSockets.embedded})`,
      ).argParser(wholeNumber(10, 10_000)),
    )
    .addOption(
      new Option(
        '--entry <url>',
        "address to connect to instead of the lab's port, because Docker's proxy supports only a few thousand sockets",
      ).argParser(entryAddress),
    )
    .option('--json', 'print the comparison as JSON on standard output, and progress on standard error')
    .addHelpText(
      'after',
      `\nExit codes: 0 jitter reduces the peak enough and the lab stays up, 1 otherwise, 2 not started,\n130 interrupted.`,
    )
    .addHelpText('after', examples('./lab storm', './lab storm --sockets 300', './lab storm --on embedded'))
    .action(async (flags: Flags) => {
      const stop = stopOnSignals((signal, first) =>
        log(`${signal}: ${first ? 'restarting the replica first' : 'still restarting the replica'}`),
      )
      process.exitCode = await perform(flags, log, stop).catch((error: Error) => {
        log(`storm: ${error.message}`)
        return stop.aborted ? exitCodes.interrupted : exitCodes.notTried
      })
    })
}

async function perform({ on, page, entry, sockets = usualSockets[on], json }: Flags, log: (line: string) => void, stop: AbortSignal) {
  if (on === 'compose' && page !== undefined) throw new LabError('--page is for the embedded lab: --on embedded')
  if (on === 'embedded' && entry !== undefined) throw new LabError('--entry is for the Compose lab')
  const lab = await findLab({ on, ...(page !== undefined && { page }), ...(entry !== undefined && { entry }) })
  const hold = scalerHold(lab.scaler)
  try {
    // The scaler is paused, because otherwise it would replace the killed replica.
    await hold.hold()
    const naive = await storm(lab, { sockets, clients: 'naive', log, stop })
    const jittered = await storm(lab, { sockets, clients: 'jittered', log, stop })
    return conclude({ lab: { kind: lab.kind, name: lab.name }, ...compare(sockets, naive, jittered) }, json === true)
  } finally {
    await hold.release()
    await lab.close()
  }
}

/** The comparison of the two storms, and the lab on which they were measured. */
export interface StormReport extends Comparison {
  lab: { kind: LocalKind; name: string }
}

function conclude(report: StormReport, json: boolean): number {
  const folder = report.lab.kind === 'embedded' ? embeddedReports : reportsFolder()
  const reportFile = `${folder}/storm.json`
  mkdirSync(join(root, folder), { recursive: true })
  writeFileSync(join(root, reportFile), `${JSON.stringify(report, null, 2)}\n`)
  if (json) printJson(report)
  else console.log(`\n${comparisonText(report)}\nAs JSON: ${reportFile}`)
  return report.problems.length === 0 ? exitCodes.ok : exitCodes.failed
}
