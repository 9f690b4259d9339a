/**
 * `pause` and `resume`: create and remove the pause file in the decision log's folder. The scaler checks for the pause file on every sync.
 */
import type { Command } from 'commander'
import { pauseFilePath, setPaused } from '../decision-log.ts'
import { hint, print, stateOption } from './log.ts'

export function register(program: Command): void {
  program
    .command('pause')
    .description('pause the scaler: it still makes decisions, but does not change the number of replicas')
    .addOption(stateOption())
    .action(async ({ state }: { state: string }) => {
      await setPaused(state, true)
      print('paused\n')
      hint(`paused from the next synchronisation on, until \`./lab scaler resume\` (${pauseFilePath(state)})`)
    })
  program
    .command('resume')
    .description('end a pause')
    .addOption(stateOption())
    .action(async ({ state }: { state: string }) => {
      await setPaused(state, false)
      print('resumed\n')
      hint('resumed from the next synchronisation on')
    })
}
