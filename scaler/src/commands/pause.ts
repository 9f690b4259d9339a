/** `pause` and `resume`: a file beside the decision log, which the scaler looks for at every synchronisation. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { pauseFilePath } from '../decision-log.ts'
import { hint, print, stateOption } from './log.ts'

export function register(program: Command): void {
  program
    .command('pause')
    .description('go on deciding, but leave the replicas alone')
    .addOption(stateOption())
    .action(async ({ state }: { state: string }) => {
      const file = pauseFilePath(state)
      await mkdir(state, { recursive: true })
      await writeFile(file, `${new Date().toISOString()}\n`)
      print('paused\n')
      hint(`from the next synchronisation on, until \`npm run scaler -- resume\` (${file})`)
    })
  program
    .command('resume')
    .description('act again')
    .addOption(stateOption())
    .action(async ({ state }: { state: string }) => {
      await rm(pauseFilePath(state), { force: true })
      print('resumed\n')
      hint('from the next synchronisation on')
    })
}
