/** Runs the command that the user typed. Commands write data to stdout and everything else to stderr. */

import { loadEnvFile } from '@lab/host/env-file.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { endOnClosedPipe, endWithNpm, exitCodes } from '@lab/host/signals.ts'
import { CommanderError } from 'commander'
import { createProgram } from './program.ts'

/** Runs a command and sets the exit code of this process. @param words the arguments after `./lab` */
export async function run(words: readonly string[]): Promise<void> {
  endOnClosedPipe()
  endWithNpm()
  loadEnvFile()
  try {
    await (await createProgram(words)).parseAsync(words.length === 0 ? ['--help'] : words, { from: 'user' })
  } catch (error) {
    // A command group without a subcommand prints its help and succeeds, like docker and kubectl.
    if (error instanceof CommanderError && error.code === 'commander.help') process.exitCode = exitCodes.ok
    else if (error instanceof CommanderError) process.exitCode = error.exitCode === 1 ? exitCodes.notTried : error.exitCode
    else if (isExpected(error)) {
      process.stderr.write(`lab: ${error.message}\n`)
      process.exitCode = exitCodes.failed
    } else throw error
  }
}

/**
 * Whether the message of an error is sufficient without a stack trace. Unexpected errors, such as a TypeError, are bugs of this program and
 * are reported with their stack trace.
 */
function isExpected(error: unknown): error is Error {
  return error instanceof LabError || (error instanceof Error && error.constructor === Error)
}
