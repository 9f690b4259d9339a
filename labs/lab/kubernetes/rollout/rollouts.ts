/** Begins, follows, pauses and undoes rollouts of the replicas' Deployment in a cluster. The Deployment controller carries them out. */
import { services } from '@lab/contract/endpoints.ts'
import { namespace } from '@lab/contract/kubernetes.ts'
import { whyFailed } from '@lab/host/docker.ts'
import { kubectl, tryKubectl } from '@lab/host/kubectl.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { pause } from '@lab/host/until.ts'
import type { CarryOut, Outcome } from '../../compose/rollout/carry-out.ts'
import { problemOf, progressText, type RolloutReplica } from '../../compose/rollout/plan.ts'
import { defaultDeadlineSeconds } from '../../compose/rollout/rollout.ts'
import { type Revision, revisionIn } from '../../compose/rollout/store.ts'
import { podsOf, readPods } from '../pods.ts'
import {
  type Change,
  type ClusterRecord,
  type ClusterRollout,
  changesOf,
  configMapOf,
  type Observed,
  observe,
  readConfigMap,
  readDeployment,
  readReplicaSets,
  rolloutPatch,
} from './deployment.ts'

const callWithinSeconds = 30
const everyMs = 500
/** Number of consecutive failed calls after which the command ends; the rollout continues in the cluster. */
const mostFailures = 5
const deployment = `deployment/${services.ws}`

/** The changes that a planned rollout makes. */
export interface ClusterPlan {
  readonly from: Revision
  readonly to: Revision
  readonly rollout: ClusterRollout
  readonly changes: readonly string[]
  readonly patch: string
}

export interface ClusterProgress {
  readonly record: ClusterRecord
  readonly replicas: readonly RolloutReplica[]
  readonly text: string
}

export interface Watching {
  /** Time limit for each new pod to become Ready; the same as on Compose if undefined. */
  readonly progressDeadlineSeconds?: number
}

/** Rollouts of the lab in a cluster, with the operations that the Compose lab's `Rollouts` have. */
export class ClusterRollouts {
  /** Computes the changes that a rollout would make; the API server validates them. Rejects if there is nothing to roll out. */
  async prepare(change: Change, watching: Watching = {}): Promise<ClusterPlan> {
    const { record, paused } = await this.#observe(watching)
    refuseUnfinished(record.rollout, paused)
    const now = readDeployment(await inLab(['get', deployment, '-o', 'json']))
    const name = configMapOf(now)
    const configured = name === undefined ? {} : readConfigMap(await inLab(['get', 'configmap', name, '-o', 'json']))
    const changes = changesOf(now, configured, change)
    const patch = rolloutPatch(change, new Date())
    await apply(patch, ['--dry-run=server'])
    const from = revisionIn(record, record.rollout.target)
    const version = { ...from.version, image: change.image ?? from.version.image }
    const to = { ...from, number: from.number + 1, version, since: new Date().toISOString(), cause: change.cause }
    return { from, to, rollout: { ...record.rollout, from: from.number, target: to.number }, changes, patch }
  }

  /** Starts a rollout, and follows it until it ends, is paused or is interrupted. */
  async begin({ patch, rollout }: ClusterPlan, how: CarryOut): Promise<Outcome> {
    await apply(patch)
    return this.#follow(how, rollout)
  }

  /** Resumes a paused rollout, and follows the unfinished rollout. Rejects if there is none. */
  async resume(how: CarryOut, watching: Watching = {}): Promise<Outcome> {
    const { record, paused } = await this.#observe(watching)
    if (record.rollout.ended !== undefined)
      throw new LabError('there is no rollout to resume; ./lab rollout status --on kubernetes says how the last one ended')
    if (paused) await inLab(['rollout', 'resume', deployment])
    return this.#follow(how, watching)
  }

  /** Makes the Deployment controller stop before its next step. Rejects if there is no rollout to pause. */
  async pause(): Promise<void> {
    const { record, paused } = await this.#observe({})
    if (paused) throw new LabError('the rollout is paused already; ./lab rollout resume --on kubernetes goes on')
    if (record.rollout.ended !== undefined) throw new LabError('there is no rollout to pause')
    await inLab(['rollout', 'pause', deployment])
  }

  /** Goes back to an earlier revision: by default to the one before the current revision. */
  async undo(to: number | undefined, how: CarryOut, watching: Watching = {}): Promise<Outcome> {
    const { record, paused, stuck } = await this.#observe(watching)
    const { rollout } = record
    if (to === undefined && rollout.from === rollout.target)
      throw new LabError('there has been no rollout yet, so there is nothing to undo')
    const revision = revisionIn(record, to ?? rollout.from)
    if (revision.number === rollout.target) throw new LabError(`nothing to change: revision ${revision.number} runs already`)
    // kubectl does not undo a paused rollout.
    if (paused) await inLab(['rollout', 'resume', deployment])
    await inLab(['rollout', 'undo', deployment, `--to-revision=${revision.number}`])
    return this.#follow(how, { ...watching, rollingBack: rollout.ended === undefined, ...(stuck !== undefined && { known: stuck }) })
  }

  /** Returns the revisions that the cluster still has, and the current or last rollout. */
  async record(): Promise<ClusterRecord> {
    return (await this.#observe({})).record
  }

  /** Returns the rollout's progress, who carries it out, and whether it is paused. */
  async state(): Promise<{ progress: ClusterProgress; holder: string | undefined; paused: boolean }> {
    const seen = await this.#observe({})
    const isCarriedOut = seen.record.rollout.ended === undefined && !seen.paused && seen.stuck === undefined
    return { progress: progressOf(seen), holder: isCarriedOut ? 'deployment-controller' : undefined, paused: seen.paused }
  }

  async progress(): Promise<ClusterProgress> {
    return (await this.state()).progress
  }

  async #observe({ progressDeadlineSeconds = defaultDeadlineSeconds, rollingBack = false }: Following): Promise<Observed> {
    const [now, replicaSets, pods] = await Promise.all([
      inLab(['get', deployment, '-o', 'json']),
      inLab(['get', 'replicasets', '-o', 'json']),
      inLab(['get', 'pods', '-o', 'json']),
    ])
    return observe(readDeployment(now), readReplicaSets(replicaSets), podsOf(services.ws, readPods(pods)), {
      progressDeadlineSeconds,
      rollingBack,
    })
  }

  async #follow({ say, show, stop }: CarryOut, following: Following): Promise<Outcome> {
    let { rollingBack = false, known } = following
    let [said, failures] = ['', 0]
    for (;;) {
      if (stop.aborted) return 'interrupted'
      try {
        const seen = await this.#observe({ ...following, rollingBack })
        const { record, replicas, paused } = seen
        failures = 0
        if (seen.current) {
          const { rollout } = record
          const { text } = progressOf(seen)
          show?.({ rollout, replicas })
          if (rollout.ended === 'complete') {
            say(rollingBack ? `service "${services.ws}" rolled back to revision ${rollout.target}` : text)
            return rollingBack ? 'rolled-back' : 'complete'
          }
          if (paused) return 'paused'
          if (show === undefined && text !== said) say(text)
          said = text
          const updated = replicas.filter((one) => one.updated)
          const problem = problemOf(updated, rollout, Date.now() / 1000)
          // For some seconds after a change, the Deployment's condition still describes the revision before.
          const stuck = seen.stuck === known ? undefined : seen.stuck
          const reason = problem === undefined ? stuck : `${problem.reason}: ${problem.message}`
          if (reason !== undefined && (rollingBack || rollout.from === rollout.target)) {
            say(`error: ${reason}`)
            return 'failed'
          }
          if (reason !== undefined) {
            say(`error: ${reason}; rolling back to revision ${rollout.from}`)
            await inLab(['rollout', 'undo', deployment, `--to-revision=${rollout.from}`])
            rollingBack = true
            known = seen.stuck
          }
        }
      } catch (error) {
        if (stop.aborted) return 'interrupted'
        if (++failures >= mostFailures) throw error
        say(`${(error as Error).message}; another try follows`)
      }
      await pause(everyMs, stop)
    }
  }
}

interface Following extends Watching {
  readonly rollingBack?: boolean
  /** A problem of an earlier revision, which is ignored. */
  readonly known?: string
}

function progressOf({ record, replicas }: Observed): ClusterProgress {
  return { record, replicas, text: progressText(services.ws, replicas, record.rollout.replicas) }
}

function refuseUnfinished({ ended, from, target }: ClusterRollout, paused: boolean): void {
  if (ended !== undefined) return
  const state = paused ? 'is paused' : 'is not finished'
  throw new LabError(
    `the rollout from revision ${from} to ${target} ${state}; ./lab rollout resume --on kubernetes continues it, ./lab rollout undo --on kubernetes reverts it`,
  )
}

function inLab(args: readonly string[]): Promise<string> {
  return kubectl(['-n', namespace, ...args], { withinSeconds: callWithinSeconds })
}

/** Patches the Deployment. The error message does not contain the patch, because its values may be secret. */
async function apply(patch: string, more: readonly string[] = []): Promise<void> {
  const ran = await tryKubectl(['-n', namespace, 'patch', deployment, '-p', patch, ...more], { withinSeconds: callWithinSeconds })
  if (ran.exitCode !== 0) throw new LabError(`kubectl patch ${deployment}: ${whyFailed(ran, callWithinSeconds)}`)
}
