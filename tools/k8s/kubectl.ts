/** Runs kubectl against the cluster of the current context. */
import { type Ran, type RunOptions, run, whyFailed } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'

const defaultWithinSeconds = 60

/** Runs `kubectl …` and returns its output; a failed command does not reject the promise. */
export function tryKubectl(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run('kubectl', args, { withinSeconds: defaultWithinSeconds, ...options })
}

/**
 * Runs `kubectl …` and returns its standard output.
 * @throws LabError with the command and the last lines of its output
 */
export async function kubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await tryKubectl(args, options)
  if (ran.exitCode === 0) return ran.stdout
  throw new LabError(`kubectl ${args.join(' ')}: ${whyFailed(ran, options.withinSeconds ?? defaultWithinSeconds)}`)
}
