/** `describe hpa`: prints all details of the autoscaler in kubectl's layout. */
import type { Command } from 'commander'
import { describeText } from '../views/describe.ts'
import { hpaArgument, nameArgument, print, readViews, stateOption } from './log.ts'

export function register(program: Command): void {
  program
    .command('describe')
    .description("show an autoscaler's metrics, behavior, conditions and events in the same format as kubectl")
    .addArgument(hpaArgument())
    .addArgument(nameArgument())
    .addOption(stateOption())
    .action(async (_resource: string, name: string | undefined, { state }: { state: string }) => {
      const views = await readViews(state, name)
      // Like kubectl, the command separates objects with two empty lines.
      print(views.map((view) => describeText(view, Date.now())).join('\n\n'))
    })
}
