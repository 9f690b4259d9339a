/** Runs k6 in the cluster, as the Job of the `load` overlay with other settings. */
import { services } from '@lab/contract/endpoints.ts'
import { nameLabel, namespace } from '@lab/contract/kubernetes.ts'
import { kubectl } from '@lab/host/kubectl.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { pause } from '@lab/host/until.ts'
import { type ClusterLoad, exitCodesOf, type LoadJob, loadJob, podProblem, readJob, summaryOf } from './load-job.ts'
import { readPods } from './pods.ts'

const overlay = 'k8s/overlays/load'
const callWithinSeconds = 60
const everyMs = 1_000

const inLab = (args: readonly string[]) => kubectl(['-n', namespace, ...args], { withinSeconds: callWithinSeconds })
const pods = async () => readPods(await inLab(['get', 'pods', '-l', `${nameLabel}=${services.k6}`, '-o', 'json']))
const job = async () => readJob(await inLab(['get', 'job', services.k6, '-o', 'json', '--ignore-not-found']))

/** Starts the Job. Replaces a Job that has ended; rejects if one is running. */
export async function startLoad(load: ClusterLoad): Promise<LoadJob> {
  const before = await job()
  if (before !== undefined && before.result === undefined)
    throw new LabError(`the Job ${services.k6} is running; to end it: kubectl -n ${namespace} delete job ${services.k6}`)
  await stopLoad()
  const made = loadJob(await kubectl(['create', '--dry-run=client', '-o', 'json', '-k', overlay]), load)
  await kubectl(['create', '-f', '-'], { withinSeconds: callWithinSeconds, input: made.json })
  return made
}

/** Deletes the Job and its pods, if there are any. */
export async function stopLoad(): Promise<void> {
  await inLab(['delete', 'job', services.k6, '--ignore-not-found'])
}

/** Returns how the Job ended; undefined while it is running. Rejects if there is no Job. */
export async function loadStatus(): Promise<'Complete' | 'Failed' | undefined> {
  const found = await job()
  if (found === undefined) throw new LabError(`the Job ${services.k6} was deleted`)
  return found.result
}

/** The end of a run. */
export interface LoadEnd {
  /** k6's exit codes, one for each pod that has ended. */
  readonly exitCodes: readonly number[]
  /** k6's summary of each pod, by the pod's name. */
  readonly summaries: ReadonlyMap<string, string>
}

/**
 * Waits until the Job ends, which its own deadline ensures. Resolves with undefined if the signal aborts. Rejects if a pod cannot start.
 */
export async function loadEnd(stop: AbortSignal): Promise<LoadEnd | undefined> {
  for (;;) {
    if (stop.aborted) return undefined
    const [result, found] = [await loadStatus(), await pods()]
    const problem = podProblem(found)
    if (problem !== undefined) throw new LabError(`${problem}; docs/kubernetes.md says how the nodes get the image`)
    if (result !== undefined) {
      const names = found.map(({ metadata }) => metadata.name).sort()
      const logs = await Promise.all(names.map(async (name) => [name, summaryOf(await inLab(['logs', name]))] as const))
      return { exitCodes: exitCodesOf(found), summaries: new Map(logs) }
    }
    await pause(everyMs, stop)
  }
}
