/** Implements the `workshop` command, which lists the workshop steps, checks them, and reports a learner's progress to an instructor. */
import { mkdir, writeFile } from 'node:fs/promises'
import { allowedNames, isAllowedName, workshopPort } from '@lab/contract/workshop-api.ts'
import { examples, httpAddress, printJson, wholeNumber } from '@lab/host/arguments.ts'
import { say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { localKinds } from '@lab/lab/lab.ts'
import { onOption, pageOption } from '@lab/lab/options.ts'
import { type Command, InvalidArgumentError, type Option } from 'commander'
import { commandsOf } from '../workshop/commands.ts'
import { gatherFacts, readLogOf, type WhichLocalLab } from '../workshop/gather.ts'
import { join } from '../workshop/host/join.ts'
import { learnerFolder, lookBackMinutes, pathOf } from '../workshop/learner.ts'
import { recordText } from '../workshop/record.ts'
import { listText, resultText } from '../workshop/results.ts'
import { resultOf, type Step, steps, stepsOn } from '../workshop/steps.ts'

const exitCodes = { done: 0, missing: 1, notRunning: 2 } as const

export function register(program: Command): void {
  const workshop = program
    .command('workshop')
    .description("list the thirteen steps of the workshop (98 minutes), check whether a step is done, and show learners' progress")
    .addHelpText(
      'after',
      examples(
        './lab workshop',
        './lab workshop check 4',
        './lab workshop check 4 --json',
        './lab workshop host --listen 0.0.0.0',
        './lab workshop join http://192.168.1.20:8095 Anna',
      ),
    )
  workshop
    .command('list', { isDefault: true })
    .description('list all steps with their duration and page')
    .option('--json', 'print one JSON document')
    .action(({ json = false }: { json?: boolean }) => {
      const shown = steps.map(({ number, title, minutes, page, withoutDocker }) => ({ number, title, minutes, page, withoutDocker }))
      if (json) printJson(shown)
      else process.stdout.write(listText(shown))
    })
  workshop
    .command('check')
    .description(
      'check a step and print the commands for its missing parts; exit code 0: done, 1: incomplete, 2: the lab is not running, or the step needs Docker',
    )
    .argument('<step>', 'number of the step', stepNumbered)
    .addOption(localOption())
    .addOption(pageOption())
    .option('--json', 'print one JSON document')
    .action(check)
  workshop
    .command('record')
    .description(
      `copy the scaler's decisions of the last ${lookBackMinutes} minutes to ${pathOf('record.jsonl')}, as a record for tuning settings`,
    )
    .addOption(localOption())
    .addOption(pageOption())
    .action(record)
  workshop
    .command('host')
    .description("serve the instructor's page, which shows the progress of up to 60 learners, until Ctrl-C")
    .option('--port <port>', 'port of the page; 0 takes any free port', wholeNumber(0, 65535), workshopPort)
    .option('--listen <address>', 'address to listen on; 0.0.0.0 makes the page available to the whole network', address, '127.0.0.1')
    .action(async (options: { port: number; listen: string }) => {
      // The web server's modules are imported on demand, because no other workshop command needs them.
      const { host } = await import('../workshop/host/host.ts')
      await host(options)
    })
  workshop
    .command('join')
    .description("check all steps every 10 s, and report the results to the instructor's page, until Ctrl-C")
    .argument('<url>', "address of the instructor's page", httpAddress(`http://192.168.1.20:${workshopPort}`))
    .argument('<name>', "name to show on the instructor's page", learnerName)
    .addOption(localOption())
    .addOption(pageOption())
    .action(join)
}

/** Returns the `--on` option. Without it, the command uses the embedded lab if that is running, and otherwise the lab on Compose. */
function localOption(): Option {
  const option = onOption(localKinds).default(undefined)
  option.description += ' (default: embedded if that lab is running, or else compose)'
  return option
}

function address(text: string): string {
  if (/^(\d{1,3}(\.\d{1,3}){3}|::1?|localhost)$/.test(text)) return text
  throw new InvalidArgumentError('Allowed is an IP address of this machine, for example 127.0.0.1, or 0.0.0.0 for all.')
}

function learnerName(text: string): string {
  if (isAllowedName(text)) return text
  throw new InvalidArgumentError(`Allowed are ${allowedNames}.`)
}

function stepNumbered(text: string): Step {
  const found = steps.find(({ number }) => String(number) === text)
  if (found) return found
  throw new InvalidArgumentError(`Allowed is a number from 1 to ${steps.length}.`)
}

async function record(which: WhichLocalLab): Promise<void> {
  const log = await readLogOf(which)
  if (log.length === 0) {
    const { startWithMine } = commandsOf(which.on ?? 'compose')
    throw new LabError(`no decisions in the last ${lookBackMinutes} minutes; start the scaler: ${startWithMine}`)
  }
  await mkdir(`${root}${learnerFolder}`, { recursive: true })
  await writeFile(`${root}${pathOf('record.jsonl')}`, recordText(log))
  say(`${pathOf('record.jsonl')}: ${log.length} decisions`)
}

async function check(step: Step, { json = false, ...which }: WhichLocalLab & { json?: boolean }): Promise<void> {
  try {
    const facts = await gatherFacts(which)
    if (!stepsOn(facts.kind).includes(step)) throw new LabError(needsDocker(step))
    const result = resultOf(step, facts)
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

function needsDocker({ number }: Step): string {
  const possible = stepsOn('embedded').map((step) => step.number)
  return `step ${number} needs the lab on Docker Compose; on the embedded lab, allowed are the steps ${possible.join(', ')}`
}
