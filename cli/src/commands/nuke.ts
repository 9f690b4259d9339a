/** `nuke`: stops everything and forgets its data. Asks first. */
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { nukeCommand, typed } from '../compose.ts'
import { attachedOrFail, say } from '../docker.ts'
import { LabError } from '../lab-error.ts'
import { examples } from './options.ts'

export function register(program: Command): void {
  program
    .command('nuke')
    .description('stop the lab and delete its volumes and the images that were built here')
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
  await attachedOrFail(command)
}

async function confirmed(line: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new LabError('nuke deletes data: without a terminal to ask in, it wants --yes')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test(
      (await terminal.question(`This runs: ${line}\nDelete all metrics, sessions and dashboards' state of this lab? [y/N] `)).trim(),
    )
  } finally {
    terminal.close()
  }
}
