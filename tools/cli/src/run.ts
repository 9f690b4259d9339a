/** Runs the command that the user typed. Commands write data to stdout and everything else to stderr. */

import { loadEnvFile } from '@lab/host/env-file.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { endOnClosedPipe, endWithNpm, exitCodes } from '@lab/host/signals.ts'
import { CommanderError } from 'commander'
import { createProgram } from './program.ts'

/** Runs a command and sets this process's exit code. @param words the command-line arguments after `./lab` */
export async function run(words: readonly string[]): Promise<void> {
  endOnClosedPipe()
  endWithNpm()
  loadEnvFile()
  try {
    await (await createProgram(words)).parseAsync(words.length === 0 ? ['--help'] : words, { from: 'user' })
  } catch (error) {
    // A command group without a subcommand prints its help text and succeeds, as with docker and kubectl.
    if (error instanceof CommanderError && error.code === 'commander.help') process.exitCode = exitCodes.ok
    else if (error instanceof CommanderError) process.exitCode = error.exitCode === 1 ? exitCodes.notTried : error.exitCode
    else if (isExpected(error)) {
      process.stderr.write(`lab: ${error.message}\n`)
      process.exitCode = exitCodes.failed
    } else throw error
  }
}

/**
 * Returns whether an error's message is sufficient without a stack trace. Unexpected errors, such as a TypeError, are bugs in this program
 * and are reported with their stack trace.
 */
function isExpected(error: unknown): error is Error {
  return error instanceof LabError || (error instanceof Error && error.constructor === Error)
}
