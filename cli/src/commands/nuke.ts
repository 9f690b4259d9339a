/** `nuke`: stops everything and forgets its data. Asks first. */
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { stateFiles } from '../../../scaler/src/decision-log.ts'
import { nukeCommand, typed } from '../compose.ts'
import { attached, endedWell, say } from '../docker.ts'
import { LabError } from '../lab-error.ts'
import { scalerState } from '../project.ts'
import { examples } from './options.ts'

export function register(program: Command): void {
  program
    .command('nuke')
    .description("stop the lab and delete its volumes, the scaler's decision log and pause, and the images that were built here")
    .option('--yes', "don't ask")
    .option('--pulled-images', 'delete the images from registries as well; other projects may use them')
    .addHelpText('after', examples('lab nuke', 'lab nuke --yes --pulled-images'))
    .action(nuke)
}

async function nuke({ yes = false, pulledImages = false }: { yes?: boolean; pulledImages?: boolean }): Promise<void> {
  const command = nukeCommand({ pulled: pulledImages })
  if (!yes && !(await confirmed(typed(command, process.platform)))) {
    say('nothing deleted')
    return
  }
  // Only then: a scaler that still runs would write on.
  if (endedWell(await attached(command))) await forgetScaler()
}

/** Else the next lab would begin with the decisions of this one, and paused if this one was. */
async function forgetScaler(): Promise<void> {
  for (const file of stateFiles(scalerState())) {
    await rm(file, { force: true }).catch((error: Error) => {
      throw new LabError(`delete it by hand: ${error.message}`)
    })
  }
}

async function confirmed(line: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new LabError('nuke deletes data: without a terminal to ask in, it wants --yes')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test(
      (
        await terminal.question(
          `This runs: ${line}\nDelete all metrics, sessions, dashboards' state and scaler's decisions of this lab? [y/N] `,
        )
      ).trim(),
    )
  } finally {
    terminal.close()
  }
}
