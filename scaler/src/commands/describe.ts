/** `describe hpa`: prints all details of the autoscaler in kubectl's layout. */
import type { Command } from 'commander'
import { describeText } from '../views/describe.ts'
import { hpaArgument, print, readView, stateOption } from './log.ts'

export function register(program: Command): void {
  program
    .command('describe')
    .description("show the autoscaler's metrics, behavior, conditions and events in the same format as kubectl")
    .addArgument(hpaArgument())
    .argument('[name]', 'name of the autoscaler')
    .addOption(stateOption())
    .action(async (_resource: string, name: string | undefined, { state }: { state: string }) => {
      print(describeText(await readView(state, name), Date.now()))
    })
}
