/** `lab COMMAND`. Data goes to stdout, everything else to stderr. */
import { CommanderError } from 'commander'
import { loadEnvFile } from '../../scaler/src/env-file.ts'
import { LabError } from './lab-error.ts'
import { createProgram } from './program.ts'

// Whoever reads may have read enough, as head does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

loadEnvFile()
try {
  await createProgram().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 1 ? 2 : error.exitCode
  else if (error instanceof LabError) {
    process.stderr.write(`lab: ${error.message}\n`)
    process.exitCode = 1
  } else throw error
}
