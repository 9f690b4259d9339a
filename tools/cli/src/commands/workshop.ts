/** Implements the `workshop` command, which lists the workshop steps and checks whether a step is complete. */
import { mkdir, writeFile } from 'node:fs/promises'
import { examples, printJson } from '@lab/host/arguments.ts'
import { say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { type Command, InvalidArgumentError } from 'commander'
import { gatherFacts, readLog } from '../workshop/gather.ts'
import { learnerFolder, lookBackMinutes, pathOf } from '../workshop/learner.ts'
import { recordText } from '../workshop/record.ts'
import { listText, resultText } from '../workshop/results.ts'
import { withMySettings } from '../workshop/scaling.ts'
import { resultOf, type Step, steps } from '../workshop/steps.ts'

const exitCodes = { done: 0, missing: 1, notRunning: 2 } as const

export function register(program: Command): void {
  const workshop = program
    .command('workshop')
    .description('list the thirteen steps of the workshop (98 minutes), and check whether a step is done')
    .addHelpText('after', examples('./lab workshop', './lab workshop check 4', './lab workshop check 4 --json'))
  workshop
    .command('list', { isDefault: true })
    .description('list all steps with their duration and page')
    .option('--json', 'print one JSON document')
    .action(({ json = false }: { json?: boolean }) => {
      const shown = steps.map(({ number, title, minutes, page }) => ({ number, title, minutes, page }))
      if (json) printJson(shown)
      else process.stdout.write(listText(shown))
    })
  workshop
    .command('check')
    .description('check a step and print the commands for its missing parts; exit code 0: done, 1: incomplete, 2: the lab is not running')
    .argument('<step>', 'number of the step', stepNumbered)
    .option('--json', 'print one JSON document')
    .action(check)
  workshop
    .command('record')
    .description(
      `copy the scaler's decisions of the last ${lookBackMinutes} minutes to ${pathOf('record.jsonl')}, as a record for tuning settings`,
    )
    .action(record)
}

function stepNumbered(text: string): Step {
  const found = steps.find(({ number }) => String(number) === text)
  if (found) return found
  throw new InvalidArgumentError(`Allowed is a number from 1 to ${steps.length}.`)
}

async function record(): Promise<void> {
  const log = await readLog(Date.now())
  if (log.length === 0) throw new LabError(`no decisions in the last ${lookBackMinutes} minutes; start the scaler: ${withMySettings}`)
  await mkdir(`${root}${learnerFolder}`, { recursive: true })
  await writeFile(`${root}${pathOf('record.jsonl')}`, recordText(log))
  say(`${pathOf('record.jsonl')}: ${log.length} decisions`)
}

async function check(step: Step, { json = false }: { json?: boolean }): Promise<void> {
  try {
    const result = resultOf(step, await gatherFacts())
    if (json) printJson({ running: true, ...result })
    else process.stdout.write(resultText(result))
    process.exitCode = result.done ? exitCodes.done : exitCodes.missing
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    if (json) printJson({ running: false, step: step.number, problem: error.message })
    say(`lab: ${error.message}`)
    process.exitCode = exitCodes.notRunning
  }
}
