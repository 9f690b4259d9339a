/** `workshop`: the steps, and whether one is done. */
import { mkdir, writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { root, say } from '../docker.ts'
import { LabError } from '../lab-error.ts'
import { learnerFolder, lookBackMinutes } from '../workshop/facts.ts'
import { pathOf } from '../workshop/first-steps.ts'
import { gatherFacts, readLog } from '../workshop/gather.ts'
import { recordText } from '../workshop/record.ts'
import { withMySettings } from '../workshop/scaling.ts'
import { resultOf, type Step, steps } from '../workshop/steps.ts'
import { listText, resultText } from '../workshop/verdict.ts'
import { examples, printJson } from './options.ts'

const exitCodes = { done: 0, missing: 1, notRunning: 2 } as const

export function register(program: Command): void {
  const workshop = program
    .command('workshop')
    .description('twelve steps in 90 minutes, and whether one is done')
    .addHelpText('after', examples('lab workshop', 'lab workshop check 4', 'lab workshop check 4 --json'))
  workshop
    .command('list', { isDefault: true })
    .description('all steps, with their minutes and pages')
    .option('--json', 'one JSON document')
    .action(({ json = false }: { json?: boolean }) => {
      const shown = steps.map(({ number, title, minutes, page }) => ({ number, title, minutes, page }))
      if (json) printJson(shown)
      else process.stdout.write(listText(shown))
    })
  workshop
    .command('check')
    .description('what is done of a step, what is missing, and what would do it; exit code 0 done, 1 missing, 2 the lab does not run')
    .argument('<step>', 'its number', stepNumbered)
    .option('--json', 'one JSON document')
    .action(check)
  workshop
    .command('record')
    .description(
      `put the scaler's decisions of the last ${lookBackMinutes} minutes aside in ${pathOf('record.jsonl')}, to tune settings on`,
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
  if (log.length === 0) throw new LabError(`no decision in the last ${lookBackMinutes} minutes; start the scaler: ${withMySettings}`)
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
