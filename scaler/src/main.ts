/**
 * npm run scaler -- COMMAND
 *
 * Data goes to stdout, progress and problems to stderr. Exit codes: 0 done, 1 failed, 2 bad arguments or files.
 */
import { Command, CommanderError } from 'commander'
import { register as registerDescribe } from './commands/describe.ts'
import { register as registerExplain } from './commands/explain.ts'
import { register as registerGet } from './commands/get.ts'
import { register as registerPause } from './commands/pause.ts'
import { register as registerReplay } from './commands/replay.ts'
import { register as registerRun } from './commands/run.ts'
import { loadEnvFile } from './env-file.ts'

/** Every command of the scaler, in the order in which --help lists them. */
const commands = [registerGet, registerDescribe, registerExplain, registerRun, registerPause, registerReplay]

loadEnvFile()
const program = new Command('scaler')
  .description('Decides as the HorizontalPodAutoscaler of Kubernetes does, and acts through docker compose --scale.')
  .exitOverride()
  .showHelpAfterError('(--help lists what is allowed)')
for (const register of commands) register(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 1 ? 2 : error.exitCode
  else {
    process.stderr.write(`scaler: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
