/** Implements the `scaler` command, which offers all subcommands of the stand-alone scaler program. */

import { examples } from '@lab/host/arguments.ts'
import { registerAll } from '@lab/scaler/commands/all.ts'
import type { Command } from 'commander'

export function register(program: Command): void {
  const scaler = program
    .command('scaler')
    .description("show the scaler's decisions and the reasons for them, pause the scaler, or replay recorded load with other settings")
    .addHelpText(
      'after',
      examples(
        './lab scaler get hpa -w',
        './lab scaler explain --changes --last 3',
        './lab scaler pause',
        './lab scaler replay --hpa scaler/hpa.yaml --hpa my-hpa.yaml',
      ),
    )
  registerAll(scaler)
}
