/** `diff`: prints the decisions in which an autoscaler and its shadow differ. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { comparisonsOf, diffText } from '../views/diff.ts'
import { hint, nameArgument, print, readRecordsOf, stateOption } from './log.ts'

export function register(program: Command): void {
  program
    .command('diff')
    .description('show where an autoscaler and its shadow (SCALER_SHADOW) decided differently on the same readings')
    .addArgument(nameArgument())
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .addOption(stateOption())
    .action(async (name: string | undefined, { state, output }: { state: string; output?: 'json' }) => {
      const comparison = comparisonsOf(await readRecordsOf(state, name))
      if (comparison.compared === 0) hint('no decision in the log has a shadow; start the scaler with SCALER_SHADOW=FILE')
      print(output === 'json' ? `${JSON.stringify(comparison, null, 2)}\n` : diffText(comparison))
    })
}
