/**
 * Implements `./lab panels`, which prints the current values of every Grafana panel. Exit code 1 means that a panel unexpectedly has no
 * data.
 */
import { examples, httpAddress, wholeNumber } from '@lab/host/arguments.ts'
import { exitCodes } from '@lab/host/signals.ts'
import { pause } from '@lab/host/until.ts'
import { prometheusOnHost } from '@lab/scaler/commands/options.ts'
import { type Command, Option } from 'commander'
import { summary, writeReport } from './report.ts'
import { unexplained, watchPanels } from './watch.ts'

interface Options {
  prometheus: string
  seconds: number
}

const askEveryMs = 1_000

/** Adds the `panels` command to a program. */
export function register(program: Command): void {
  program
    .command('panels')
    .description(
      'query Prometheus for the current values of every panel, while the lab runs under load, and write them to reports/panels.md and .json; ' +
        'exit code 1 if a panel unexpectedly has no data, 2 if Prometheus does not answer',
    )
    .addOption(
      new Option('--prometheus <url>', 'address of Prometheus')
        .argParser(httpAddress('http://127.0.0.1:9090'))
        .default(prometheusOnHost(), 'this machine, port PROMETHEUS_PORT'),
    )
    .option(
      '--seconds <number>',
      'repeat the queries for this many seconds, and print the newest non-empty answers',
      wholeNumber(0, 600),
      0,
    )
    .addHelpText('after', examples('./lab panels', './lab panels --seconds 30'))
    .action(panels)
}

async function panels({ prometheus, seconds }: Options): Promise<void> {
  const watch = watchPanels(prometheus)
  const until = performance.now() + seconds * 1000
  try {
    for (;;) {
      await watch.poll()
      if (performance.now() >= until) break
      await pause(askEveryMs)
    }
  } catch (error) {
    console.error(`lab: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = exitCodes.notTried
    return
  }
  const answers = watch.answers()
  console.log(writeReport('panels', answers, new Date().toISOString()))
  const empty = unexplained(answers, [])
  for (const { page, panel, refId } of empty) console.error(`no data: ${page} / ${panel} / ${refId}`)
  console.log(summary(answers))
  if (empty.length > 0) process.exitCode = exitCodes.failed
}
