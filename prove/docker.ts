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

/**
 * Runs `docker …` in the root of the repository; a failure is a value.
 * @param stop ends it early, as a failure
 */
export async function tryDocker(args: readonly string[], withinSeconds = 30, stop?: AbortSignal): Promise<Ran> {
  const result = await execa('docker', args, {
    cwd: root,
    env: { COMPOSE_PROGRESS: 'plain', COMPOSE_ANSI: 'never' },
    timeout: withinSeconds * 1000,
    maxBuffer: 64 * 1024 * 1024,
    reject: false,
    stdin: 'ignore',
    // In a group of its own: Ctrl-C in a terminal is for this process, which puts back what it did and needs the answers for that.
    detached: true,
    ...(stop && { cancelSignal: stop }),
  })
  const stderr = result.timedOut ? `${result.stderr}\nstopped after ${withinSeconds} s` : result.stderr
  return { exitCode: result.exitCode ?? -1, stdout: result.stdout, stderr }
}

/** Runs `docker …` and returns its standard output; throws with what it said when it fails. */
export async function docker(args: readonly string[], withinSeconds = 30, stop?: AbortSignal): Promise<string> {
  const { exitCode, stdout, stderr } = await tryDocker(args, withinSeconds, stop)
  if (exitCode !== 0)
    throw new Error(`docker ${args.join(' ')} ended with ${exitCode}: ${(stderr || stdout).trim().split('\n').slice(-3).join(' ')}`)
  return stdout
}
