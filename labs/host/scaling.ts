/**
 * Completes a scaling operation that Compose left incomplete. Compose aborts at the first replica that cannot be started, such as a paused
 * one.
 */
import { type DockerCommand, startCommand } from './compose.ts'
import { type Ran, tryDocker, whyFailed } from './docker.ts'
import { LabError } from './lab-error.ts'
import { type Container, pausedHint, scalingProblem, unstartedAmong } from './replicas.ts'

/** Time limit for starting containers that have already been created. Seconds. */
export const startWithinSeconds = 30

export interface HalfMade {
  /** The requested number of replicas. */
  readonly wanted: number
  /** One-line error message from Compose; null if Compose succeeded. */
  readonly why: string | null
  /** Function that lists the service's containers in any state. */
  readonly list: () => Promise<readonly Container[]>
  /** Function that runs a docker command with a time limit. */
  readonly run?: (command: DockerCommand, withinSeconds: number) => Promise<Ran>
}

/**
 * Starts the replicas that Compose has created but not started, regardless of whether Compose succeeded. A Compose failure is ignored if,
 * in the end, all requested replicas exist and have started.
 * @returns a hint about paused replicas; null if there are none
 * @throws LabError if there are too few or too many replicas, or if one does not start
 */
export async function finishScaling({ wanted, why, list, run = runDocker }: HalfMade): Promise<string | null> {
  let containers = await list()
  let reason = why
  const unstarted = unstartedAmong(containers)
  if (unstarted.length > 0) {
    const ran = await run(startCommand(unstarted.map(({ Id }) => Id)), startWithinSeconds)
    if (ran.exitCode !== 0) reason = `docker start: ${whyFailed(ran, startWithinSeconds)}`
    containers = await list()
  }
  const problem = scalingProblem(containers, wanted)
  if (problem === null) return pausedHint(containers)
  throw new LabError(reason === null ? problem : `${problem}; ${reason}`)
}

function runDocker(command: DockerCommand, withinSeconds: number): Promise<Ran> {
  return tryDocker(command, { withinSeconds })
}
