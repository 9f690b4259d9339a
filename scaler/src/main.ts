/**
 * Entry point of the scaler's image. On the host, `./lab scaler` provides the same subcommands as the image.
 *
 * The scaler prints data to stdout, and progress and error messages to stderr. Exit codes: 0 for success, 1 for failure, 2 for invalid
 * arguments or files.
 */

import { loadEnvFile } from '@lab/host/env-file.ts'
import { endOnClosedPipe } from '@lab/host/signals.ts'
import { Command, CommanderError } from 'commander'
import { registerAll } from './commands/all.ts'

endOnClosedPipe()
loadEnvFile()
const program = new Command('scaler')
  .description('Scales the lab with the algorithm of the Kubernetes HorizontalPodAutoscaler and docker compose up --scale.')
  .exitOverride()
  .showHelpAfterError('(--help lists the allowed values)')
registerAll(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 1 ? 2 : error.exitCode
  else {
    process.stderr.write(`scaler: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
