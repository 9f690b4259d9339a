/** Runs kubectl against the current context's cluster. */
import { type Ran, type RunOptions, run, whyFailed } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'

const defaultWithinSeconds = 60

/** Runs `kubectl …` and resolves with its exit code and output, even if the command fails. */
export function tryKubectl(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run('kubectl', args, { withinSeconds: defaultWithinSeconds, ...options })
}

/**
 * Runs `kubectl …` and returns its standard output.
 * @throws LabError with the failed command and the last lines of its output
 */
export async function kubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await tryKubectl(args, options)
  if (ran.exitCode === 0) return ran.stdout
  throw new LabError(`kubectl ${args.join(' ')}: ${whyFailed(ran, options.withinSeconds ?? defaultWithinSeconds)}`)
}
