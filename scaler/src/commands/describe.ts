/** `describe hpa`: everything about the autoscaler, as kubectl lays it out. */
import type { Command } from 'commander'
import { describeText } from '../views/describe.ts'
import { hpaArgument, print, readView, stateOption } from './log.ts'

export function register(program: Command): void {
  program
    .command('describe')
    .description('show metrics, behavior, conditions and events of the autoscaler, as kubectl does')
    .addArgument(hpaArgument())
    .argument('[name]', 'only if it has this name')
    .addOption(stateOption())
    .action(async (_resource: string, name: string | undefined, { state }: { state: string }) => {
      print(describeText(await readView(state, name), Date.now()))
    })
}
