/** Formats the output of the `rollout` command, in the wording of kubectl. Pure. */
import { nextAction, type RolloutReplica } from '@lab/lab/compose/rollout/plan.ts'
import type { Progress, RolloutPlan } from '@lab/lab/compose/rollout/rollout.ts'
import type { RolloutRecord } from '@lab/lab/compose/rollout/store.ts'

/** Lists the planned steps, one line each, assuming that every updated replica becomes available immediately. */
export function stepsOf(plan: RolloutPlan, names: readonly { name: string; number: number }[]): string[] {
  const spec = plan.rollout
  const base = { createdAtSeconds: 0, detail: '', state: 'available' } as const
  let replicas: RolloutReplica[] = names.map(({ name, number }) => ({ ...base, id: name, name, number, updated: false }))
  const steps: string[] = []
  // Each replica is started at most once and stopped at most once.
  for (let left = 2 * (names.length + spec.replicas) + 1; left > 0; left--) {
    const action = nextAction(replicas, spec, 0)
    if (action.kind === 'start') {
      const number = 1 + Math.max(0, ...replicas.map((one) => one.number))
      replicas.push({ ...base, id: `ws-${number}`, name: `ws-${number}`, number, updated: true })
      steps.push(`start ws-${number}, wait until it is healthy and has passed a smoke test`)
    } else if (action.kind === 'stop') {
      replicas = replicas.filter(({ id }) => id !== action.replica.id)
      steps.push(`drain and remove ${action.replica.name}`)
    } else break
  }
  return steps
}

/** Formats the output of the --dry-run option. */
export function planText(plan: RolloutPlan, steps: readonly string[]): string {
  const { from, to, rollout, changes } = plan
  const lost = from.recoverable
    ? []
    : [`Revision ${from.number} could not be recreated: the Compose files have changed in more than its variables.`]
  return [
    `revision ${from.number} -> ${to.number}`,
    ...changes.map((line) => `  ${line}`),
    `${rollout.replicas} replicas, surge ${rollout.maxSurge}, unavailable ${rollout.maxUnavailable}, progress deadline ${rollout.progressDeadlineSeconds} s`,
    ...steps.map((line, index) => `  ${index + 1}. ${line}`),
    ...lost,
    '',
  ].join('\n')
}

/** Formats the output of `rollout history`. */
export function historyText({ revisions, rollout }: RolloutRecord): string {
  const rows = revisions.map(({ number, since, cause, version }) => {
    const mark = number === rollout?.target ? '*' : ' '
    return `${mark}${String(number).padEnd(9)} ${since.slice(0, 19)}Z  ${version.image.replace('sha256:', '').slice(0, 12)}  ${cause}\n`
  })
  return ` REVISION  SINCE                 IMAGE         CHANGE-CAUSE\n${rows.join('')}`
}

/** Formats the output of `rollout status`. */
export function statusText(
  { record, replicas, text }: Progress,
  { holder, paused }: { holder: number | undefined; paused: boolean },
): string {
  const { rollout, events } = record
  if (rollout === undefined) return ''
  const last = events.findLast(({ type, time }) => type === 'Warning' && time >= rollout.startedAt)
  const why = last === undefined ? '' : `last warning: ${last.time.slice(0, 19)}Z ${last.reason}: ${last.message}\n`
  return `${headline(text, record, { holder, paused })}\n${replicaRows(replicas, rollout.target).join('\n')}\n${why}`
}

/** Formats a table of replicas, with a heading and one line for each replica. */
export function replicaRows(replicas: readonly RolloutReplica[], target: number): string[] {
  const rows = replicas.map(({ name, updated, state, detail }) => {
    const revision = updated ? String(target) : 'old'
    return `  ${name.padEnd(8)} ${revision.padEnd(9)} ${state.padEnd(12)} ${detail}`
  })
  return ['  REPLICA  REVISION  STATE', ...rows]
}

function headline(text: string, { rollout }: RolloutRecord, { holder, paused }: { holder: number | undefined; paused: boolean }): string {
  if (rollout?.ended === 'rolled-back') return `the rollout to revision ${rollout.from} was rolled back; revision ${rollout.target} runs`
  if (rollout?.ended === 'failed') return `error: the rollout failed, and so did rolling back to revision ${rollout.target}`
  if (rollout?.ended === 'complete') return text
  if (holder !== undefined) return text
  const what = paused ? 'the rollout is paused' : 'the rollout is not finished, and no command carries it out'
  return `${text}\n${what}: ./lab rollout resume continues it, ./lab rollout undo reverts it`
}
