/** Runs kubectl against the current context's cluster, and explains why no cluster answers. */
import { type Ran, type RunOptions, run, whyFailed } from './docker.ts'
import { LabError } from './lab-error.ts'

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

/** Returns the name of kubectl's current context; undefined if there is none. */
export async function currentContext(): Promise<string | undefined> {
  const { exitCode, stdout } = await tryKubectl(['config', 'current-context'], { withinSeconds: 15 })
  return exitCode === 0 ? stdout.trim() : undefined
}

/** A reason why no cluster answers, and the command or instruction that solves the problem. */
export interface ClusterProblem {
  readonly subject: 'kubectl' | 'cluster'
  readonly text: string
  readonly command: string
}

/**
 * Explains why no cluster answers.
 * @param missing whether kubectl is not installed
 * @param context name of the current context, if there is one
 * @param error the error message of the command that failed
 */
export function clusterProblem({
  missing,
  context,
  error,
}: {
  missing: boolean
  context: string | undefined
  error: string
}): ClusterProblem {
  if (missing) {
    const command = 'install kubectl, see https://kubernetes.io/docs/tasks/tools/'
    return { subject: 'kubectl', text: 'kubectl is not installed, or not in PATH', command }
  }
  const command = 'kubectl config use-context NAME'
  if (context === undefined) return { subject: 'cluster', text: 'kubectl has no current context', command }
  return { subject: 'cluster', text: `the cluster of the context ${context} does not answer: ${error}`, command }
}
