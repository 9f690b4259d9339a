/** Docker and Compose from the command line. Every call has a bound. */
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What a command said and how it ended. */
export interface Ran {
  exitCode: number
  stdout: string
  stderr: string
}

/** Runs `docker …` in the root of the repository; a failure is a value. */
export async function tryDocker(args: readonly string[], withinSeconds = 30): Promise<Ran> {
  const result = await execa('docker', args, {
    cwd: root,
    env: { COMPOSE_PROGRESS: 'plain', COMPOSE_ANSI: 'never' },
    timeout: withinSeconds * 1000,
    maxBuffer: 64 * 1024 * 1024,
    reject: false,
    stdin: 'ignore',
  })
  const stderr = result.timedOut ? `${result.stderr}\nstopped after ${withinSeconds} s` : result.stderr
  return { exitCode: result.exitCode ?? -1, stdout: result.stdout, stderr }
}

/** Runs `docker …` and returns its standard output; throws with what it said when it fails. */
export async function docker(args: readonly string[], withinSeconds = 30): Promise<string> {
  const { exitCode, stdout, stderr } = await tryDocker(args, withinSeconds)
  if (exitCode !== 0)
    throw new Error(`docker ${args.join(' ')} ended with ${exitCode}: ${(stderr || stdout).trim().split('\n').slice(-3).join(' ')}`)
  return stdout
}
