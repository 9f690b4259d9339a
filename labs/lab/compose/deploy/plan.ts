/**
 * Computes the next action of a deploy from the current state of the replicas. Pure. No state is stored between calls, so a new command can
 * continue a deploy that an earlier command left unfinished.
 */
import { problemOf, type RolloutAction, type RolloutReplica, type RolloutSpec } from '../rollout/plan.ts'

export interface DeployReplica extends RolloutReplica {
  /** Time at which the replica's process started, in Unix seconds. */
  readonly startedAtSeconds: number
}

export interface DeploySpec extends Pick<RolloutSpec, 'replicas' | 'progressDeadlineSeconds' | 'rollingBack'> {
  /** Percentage of new connections that the updated replicas receive now, and the percentage that they receive as a canary. */
  readonly share: number
  readonly weight: number
  /** Time at which the percentage of new connections last changed, in Unix seconds. */
  readonly sharedAtSeconds: number
  /** Whether new connections are known to have reached the updated replicas. */
  readonly verified: boolean
  /** Whether the old replicas continue to run without sockets after the deploy. */
  readonly keep: boolean
}

export type DeployAction =
  | Extract<RolloutAction, { kind: 'remove' | 'wait' | 'done' | 'give-up' }>
  | { readonly kind: 'start'; readonly count: number }
  /** The updated replicas receive no connections until the user runs `deploy switch`. */
  | { readonly kind: 'ready' }
  /** Routes this percentage of new connections to the updated replicas. */
  | { readonly kind: 'share'; readonly percent: number }
  /** Compares the canary with the old version. */
  | { readonly kind: 'analyse' }
  | { readonly kind: 'verify' }
  /** Drains an old replica, and then either removes it or restarts it without sockets. */
  | { readonly kind: 'drain'; readonly replica: DeployReplica; readonly afterwards: 'remove' | 'start' }
  /** Restarts an old replica that has exited. */
  | { readonly kind: 'revive'; readonly replica: DeployReplica }

/** Returns the next action of a deploy. @param nowSeconds the current Unix time in seconds */
export function nextDeployAction(replicas: readonly DeployReplica[], spec: DeploySpec, nowSeconds: number): DeployAction {
  const byAge = [...replicas].sort((a, b) => a.number - b.number)
  const updated = byAge.filter((one) => one.updated)
  const old = byAge.filter((one) => !one.updated)
  // After a rollback, an updated replica may be days old, so its deadline runs from the last change of the traffic percentage.
  const aged = updated.map((one) => ({ ...one, createdAtSeconds: Math.max(one.createdAtSeconds, spec.sharedAtSeconds) }))
  const problem = problemOf(aged, spec, nowSeconds)
  if (problem !== undefined) return problem
  const ended = byAge.find(({ state }) => state === 'failed')
  if (ended !== undefined) return ended.updated || !spec.keep ? { kind: 'remove', replica: ended } : { kind: 'revive', replica: ended }
  if (updated.length < spec.replicas) return { kind: 'start', count: spec.replicas - updated.length }
  const waiting = updated.filter(({ state }) => state !== 'available').map(({ name, detail }) => `${name}: ${detail}`)
  if (waiting.length > 0) return { kind: 'wait', why: waiting.join('; ') }
  if (spec.share < spec.weight) return { kind: 'share', percent: spec.weight }
  if (spec.share === 0) return { kind: 'ready' }
  if (spec.share < 100) return { kind: 'analyse' }
  if (!spec.verified) return { kind: 'verify' }
  const next = old.find(({ startedAtSeconds }) => !spec.keep || startedAtSeconds < spec.sharedAtSeconds)
  return next === undefined ? { kind: 'done' } : { kind: 'drain', replica: next, afterwards: spec.keep ? 'start' : 'remove' }
}
