/** Formats the output of the `rollout` command, in the wording of kubectl. Pure. */
import { nextAction, type RolloutReplica } from '@lab/lab/compose/rollout/plan.ts'
import type { Progress, RolloutPlan } from '@lab/lab/compose/rollout/rollout.ts'
import type { RolloutRecord } from '@lab/lab/compose/rollout/store.ts'
import type { ClusterPlan, ClusterProgress } from '@lab/lab/kubernetes/rollout/rollouts.ts'

/** Widths of the columns on a Compose lab; pods and images in a cluster have longer names. */
const leastNameWidth = 8
const leastImageWidth = 12

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

/** Lists the steps of a rollout in a cluster, in which the Deployment controller chooses the names and the order of the pods. */
export function clusterSteps({ rollout: { replicas, maxSurge, maxUnavailable } }: Pick<ClusterPlan, 'rollout'>): string[] {
  const most = replicas + maxSurge
  const least = Math.max(0, replicas - maxUnavailable)
  return [
    `start new pods and drain old ones, with at most ${most} pods and at least ${least} Ready ones, until ${replicas} new pods are Ready`,
    'wait until the old pods are gone',
  ]
}

/** Formats the output of the --dry-run option. */
export function planText(plan: RolloutPlan | ClusterPlan, steps: readonly string[]): string {
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
export function historyText({
  revisions,
  rollout,
}: Pick<RolloutRecord, 'revisions'> & { rollout?: { target: number } | undefined }): string {
  const images = revisions.map(({ version }) => version.image.replace(/^sha256:(.{12}).*/, '$1'))
  const width = Math.max(leastImageWidth, ...images.map(({ length }) => length))
  const rows = revisions.map(({ number, since, cause }, i) => {
    const mark = number === rollout?.target ? '*' : ' '
    return `${mark}${String(number).padEnd(9)} ${since.slice(0, 19)}Z  ${images[i]?.padEnd(width)}  ${cause}\n`
  })
  return ` REVISION  SINCE                 ${'IMAGE'.padEnd(width)}  CHANGE-CAUSE\n${rows.join('')}`
}

interface Holding {
  readonly holder: number | string | undefined
  readonly paused: boolean
  /** The option that makes another command act on the same lab, with a space before it; empty for the lab on Compose. */
  readonly on: string
}

/** Formats the output of `rollout status`. */
export function statusText({ record, replicas, text }: Progress | ClusterProgress, holding: Holding): string {
  const { rollout, events } = record
  if (rollout === undefined) return ''
  const last = events.findLast(({ type, time }) => type === 'Warning' && time >= rollout.startedAt)
  const why = last === undefined ? '' : `last warning: ${last.time.slice(0, 19)}Z ${last.reason}: ${last.message}\n`
  return `${headline(text, record, holding)}\n${replicaRows(replicas, rollout.target).join('\n')}\n${why}`
}

/** Formats a table of replicas, with a heading and one line for each replica. */
export function replicaRows(replicas: readonly RolloutReplica[], target: number): string[] {
  const width = Math.max(leastNameWidth, ...replicas.map(({ name }) => name.length))
  const rows = replicas.map(({ name, updated, state, detail }) => {
    const revision = updated ? String(target) : 'old'
    return `  ${name.padEnd(width)} ${revision.padEnd(9)} ${state.padEnd(12)} ${detail}`
  })
  return [`  ${'REPLICA'.padEnd(width)} REVISION  STATE`, ...rows]
}

function headline(text: string, { rollout }: Progress['record'] | ClusterProgress['record'], { holder, paused, on }: Holding): string {
  if (rollout?.ended === 'rolled-back') return `the rollout to revision ${rollout.from} was rolled back; revision ${rollout.target} runs`
  if (rollout?.ended === 'failed') return `error: the rollout failed, and so did rolling back to revision ${rollout.target}`
  if (rollout?.ended === 'complete') return text
  if (holder !== undefined) return text
  const what = paused ? 'the rollout is paused' : 'the rollout is not finished, and no command carries it out'
  return `${text}\n${what}: ./lab rollout resume${on} continues it, ./lab rollout undo${on} reverts it`
}
