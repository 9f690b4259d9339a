/** Implements the `nuke` command, which stops the lab and deletes its data after a confirmation. */
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { examples } from '@lab/host/arguments.ts'
import { nukeCommand, typed } from '@lab/host/compose.ts'
import { attached, endedWell, say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { projectOf } from '@lab/host/project.ts'
import { forgetFaults } from '@lab/lab/compose/fault-record.ts'
import { scalerState } from '@lab/lab/compose/project.ts'
import { forgetRollouts } from '@lab/lab/compose/rollout/rollout.ts'
import { stateFiles } from '@lab/scaler/decision-log.ts'
import type { Command } from 'commander'

export function register(program: Command): void {
  program
    .command('nuke')
    .description(
      "stop the lab and delete its volumes, the scaler's decision log and pause file, the records of rollouts and faults, and the locally built images",
    )
    .option('--yes', 'do not ask for confirmation')
    .option('--pulled-images', 'also delete the images that were pulled from registries, which other projects may use')
    .addHelpText('after', examples('./lab nuke', './lab nuke --yes --pulled-images'))
    .action(nuke)
}

async function nuke({ yes = false, pulledImages = false }: { yes?: boolean; pulledImages?: boolean }): Promise<void> {
  const command = nukeCommand({ pulled: pulledImages })
  if (!yes && !(await confirmed(typed(command, process.platform)))) {
    say('Nothing was deleted.')
    return
  }
  // The scaler's state is deleted only after the scaler has stopped, because a running scaler would write it again.
  if (!endedWell(await attached(command))) return
  await deleteScalerState()
  await forgetRollouts(projectOf())
  await forgetFaults(projectOf())
}

/**
 * Deletes the scaler's stored state, so that the next lab's scaler does not load the deleted lab's decisions, or start paused because the
 * deleted lab's scaler was paused.
 */
async function deleteScalerState(): Promise<void> {
  for (const file of await stateFiles(scalerState())) {
    await rm(file, { force: true }).catch((error: Error) => {
      throw new LabError(`delete this file by hand: ${error.message}`)
    })
  }
}

async function confirmed(line: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new LabError('nuke deletes data: without a terminal for the confirmation, --yes is required')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test(
      (
        await terminal.question(`Command: ${line}\nDelete all metrics, sessions, dashboard state and scaler decisions of this lab? [y/N] `)
      ).trim(),
    )
  } finally {
    terminal.close()
  }
}
