/**
 * Computes the next action of a rolling update from the state of the replicas, following the rules of the Kubernetes Deployment controller.
 * Pure. No state is stored between calls, so a new command can continue a rollout that an earlier command left unfinished.
 */

/** A replica during a rollout. */
export interface RolloutReplica {
  /** Docker's container ID. */
  readonly id: string
  /** As in ws-4. */
  readonly name: string
  /** Compose's container number; the container with the lowest number is the oldest. */
  readonly number: number
  /** Whether the replica runs the desired revision. */
  readonly updated: boolean
  /**
   * `failed`: the replica has exited or restarts repeatedly; `killed`: it was killed by an external SIGKILL; `unavailable`: it is unhealthy
   * or draining.
   */
  readonly state: 'starting' | 'available' | 'unavailable' | 'failed' | 'killed'
  /** Creation time of the container, in Unix seconds. */
  readonly createdAtSeconds: number
  /** The reason why the replica is unavailable, for display. */
  readonly detail: string
}

/** The rollout's spec, with the same field names as a Kubernetes Deployment. */
export interface RolloutSpec {
  readonly replicas: number
  readonly maxSurge: number
  readonly maxUnavailable: number
  /** Time limit, in seconds from its creation, for an updated replica to become available; a replica that exceeds it has failed. */
  readonly progressDeadlineSeconds: number
  /** Whether the rollout is returning to the previous revision; if so, an exited replica does not make the rollout fail. */
  readonly rollingBack: boolean
}

export type RolloutAction =
  | { readonly kind: 'start' }
  /** Drains and removes the replica. */
  | { readonly kind: 'stop'; readonly replica: RolloutReplica; readonly why: string }
  /** Removes a replica that has already exited. */
  | { readonly kind: 'remove'; readonly replica: RolloutReplica }
  | { readonly kind: 'wait'; readonly why: string }
  | { readonly kind: 'done' }
  | {
      readonly kind: 'give-up'
      readonly reason: 'ProgressDeadlineExceeded' | 'ReplicaFailed' | 'ObjectiveMissed'
      /** The replica that failed; absent if the whole revision failed. */
      readonly replica?: RolloutReplica
      readonly message: string
    }

/**
 * Returns the next action of a rollout.
 * @param nowSeconds the current Unix time in seconds
 * @param missed describes the objective that the updated replicas miss, if any
 */
export function nextAction(replicas: readonly RolloutReplica[], spec: RolloutSpec, nowSeconds: number, missed?: string): RolloutAction {
  const byAge = [...replicas].sort((a, b) => a.number - b.number)
  const updated = byAge.filter((one) => one.updated)
  const problem = problemOf(updated, spec, nowSeconds)
  if (problem === undefined && missed !== undefined && !spec.rollingBack)
    return { kind: 'give-up', reason: 'ObjectiveMissed', message: `the new version misses its objective: ${missed}` }
  if (problem !== undefined) return problem
  const ended = byAge.find(({ state }) => state === 'failed' || state === 'killed')
  if (ended !== undefined) return { kind: 'remove', replica: ended }

  const old = byAge.filter((one) => !one.updated)
  const available = byAge.filter(({ state }) => state === 'available').length
  const leastAvailable = Math.max(0, spec.replicas - spec.maxUnavailable)
  if (updated.length < spec.replicas && byAge.length < spec.replicas + spec.maxSurge) return { kind: 'start' }
  const surplus = old.length > 0 ? old : updated.length > spec.replicas ? [...updated].reverse() : []
  // An unavailable replica is stopped first, because it does not serve any clients.
  const idle = surplus.find(({ state }) => state !== 'available')
  const updatedUnavailable = updated.filter(({ state }) => state !== 'available').length
  if (idle !== undefined && (idle.updated || byAge.length - updatedUnavailable > leastAvailable))
    return { kind: 'stop', replica: idle, why: `it is not available: ${idle.detail}` }
  const next = surplus.find(({ state }) => state === 'available')
  if (next !== undefined && available > leastAvailable)
    return { kind: 'stop', replica: next, why: next.updated ? 'there are more than wanted' : 'an updated replica takes its place' }
  if (old.length === 0 && updated.length === spec.replicas && available === spec.replicas) return { kind: 'done' }
  const waiting = byAge.filter(({ state }) => state !== 'available').map(({ name, detail }) => `${name}: ${detail}`)
  return { kind: 'wait', why: waiting.join('; ') }
}

/** Returns the reason why a revision has failed, or undefined if it has not failed. */
export function problemOf(
  updated: readonly RolloutReplica[],
  spec: Pick<RolloutSpec, 'progressDeadlineSeconds' | 'rollingBack'>,
  nowSeconds: number,
): Extract<RolloutAction, { kind: 'give-up' }> | undefined {
  const failed = updated.find(({ state }) => state === 'failed')
  if (failed !== undefined && !spec.rollingBack)
    return { kind: 'give-up', reason: 'ReplicaFailed', replica: failed, message: `${failed.name} ${failed.detail}` }
  const isLate = ({ state, createdAtSeconds }: RolloutReplica) =>
    (state === 'starting' || state === 'unavailable') && nowSeconds - createdAtSeconds > spec.progressDeadlineSeconds
  const late = updated.find(isLate)
  if (late === undefined) return undefined
  const message = `${late.name} was not available within ${spec.progressDeadlineSeconds} s: ${late.detail}`
  return { kind: 'give-up', reason: 'ProgressDeadlineExceeded', replica: late, message }
}

/** Describes a rollout's progress in the wording of `kubectl rollout status`. */
export function progressText(service: string, replicas: readonly RolloutReplica[], wanted: number): string {
  const updated = replicas.filter((one) => one.updated)
  const available = updated.filter(({ state }) => state === 'available').length
  const old = replicas.length - updated.length
  const waiting = `Waiting for service "${service}" rollout to finish:`
  if (updated.length < wanted) return `${waiting} ${updated.length} out of ${wanted} new replicas have been updated...`
  if (old > 0) return `${waiting} ${old} old replicas are pending termination...`
  if (available < wanted) return `${waiting} ${available} of ${wanted} updated replicas are available...`
  return `service "${service}" successfully rolled out`
}
