/**
 * Runs a fault on a lab: starts it, checks the expectations, always undoes it, and judges the results. All tools use this code to run
 * faults.
 */
import type { FaultEvent } from '@lab/contract/rollouts.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { pause } from '@lab/host/until.ts'
import type { Lab, LabKind, StepOf } from '@lab/lab/lab.ts'
import type { FaultName } from './catalogue/index.ts'
import { type Finding, findingText, isSettled, judge, type Observation } from './core/judge.ts'
import { planOf } from './core/plan.ts'
import type { Expectation, FaultPlan } from './fault.ts'

const checkEveryMs = 1_000

export interface FaultOptions {
  /** Name of the affected replica, for example ws-2; the last replica by default. */
  replica?: string | undefined
  /** Duration of the fault. */
  seconds: number
}

/** A fault that is in effect. */
export interface Begun {
  readonly plan: FaultPlan
  /**
   * Undoes the fault. Every undo step is tried, even if an earlier one fails. Later calls to `undo` retry only the undo steps that failed.
   * @returns the undo steps that failed, one line each
   */
  undo(): Promise<string[]>
}

/** Returns the fault's plan for this lab in its current state. Rejects with a one-line error if the lab does not support the fault. */
export async function prepare<K extends LabKind>(lab: Lab<K>, fault: FaultName, options: FaultOptions): Promise<FaultPlan<K>> {
  const planned = planOf(fault, lab.kind, await lab.facts(options.replica, options.seconds))
  if (!planned.ok) throw new LabError(planned.problems.join('; '))
  return planned.value
}

/** Begins a fault. If a step fails, undoes all steps and then rejects. */
export async function begin<K extends LabKind>(lab: Lab<K>, fault: FaultName, options: FaultOptions): Promise<Begun> {
  return beginPlan(lab, await prepare(lab, fault, options))
}

async function beginPlan<K extends LabKind>(lab: Lab<K>, plan: FaultPlan<K>): Promise<Begun> {
  const undo = undoing(lab, plan.undo)
  try {
    for (const step of plan.begin) await lab.take(step)
  } catch (error) {
    // Undoing a step that never ran may fail, so a failed undo step does not always mean that an effect remains.
    const reported = (await undo()).map((line) => `undoing the fault reported: ${line}`)
    throw new LabError([`${plan.fault} could not begin: ${withHint((error as Error).message)}`, ...reported].join('; '))
  }
  await record(lab, plan, 'begun')
  return {
    plan,
    undo: async () => {
      const failed = await undo()
      if (failed.length === 0) await record(lab, plan, 'undone')
      return failed
    },
  }
}

/** Records the begin or the end of a fault. A record that cannot be written is reported, and does not change the fault. */
async function record<K extends LabKind>(lab: Lab<K>, { fault }: FaultPlan<K>, phase: FaultEvent['phase']): Promise<void> {
  await lab.recordFault?.({ time: new Date().toISOString(), fault, phase }).catch((error: Error) => {
    console.error(`the dashboards do not show that ${fault} was ${phase}: ${error.message}`)
  })
}

/** Adds a hint to Docker's error message if an image is missing. */
function withHint(message: string): string {
  const isImage =
    /no such image|pull access denied|failed to resolve reference|manifest unknown|error response from daemon: get "https?:/i.test(message)
  return isImage ? `${message}; images from another machine: ./lab images load FILE` : message
}

function undoing<K extends LabKind>(lab: Lab<K>, steps: readonly StepOf<K>[]): Begun['undo'] {
  let left = steps
  const tryAll = async () => {
    const failed: { step: StepOf<K>; why: string }[] = []
    for (const step of left) await lab.take(step).catch((error: Error) => failed.push({ step, why: error.message }))
    left = failed.map(({ step }) => step)
    return failed.map(({ why }) => why)
  }
  let last = Promise.resolve<string[]>([])
  return () => {
    last = last.then(tryAll)
    return last
  }
}

export interface Run {
  findings: Finding[]
  /** The undo steps that failed, with the reasons. */
  leftovers: string[]
  interrupted: boolean
}

export interface RunOptions {
  /** Whether the fault's expectations are checked. */
  check: boolean
  /** Called with each line of progress output. */
  say: (line: string) => void
  /** Signal that ends the fault before its duration has passed; the fault is then undone as usual. */
  stop: AbortSignal
}

/**
 * Runs a fault: starts it, waits for its duration, and undoes it. Rejects if the fault could not begin, or if an expected alert was already
 * firing; in either case, all changes have been undone.
 */
export async function runFault<K extends LabKind>(lab: Lab<K>, plan: FaultPlan<K>, { check, say, stop }: RunOptions): Promise<Run> {
  if (check) await quietBefore(lab, plan)
  if (stop.aborted) return { findings: [], leftovers: [], interrupted: true }
  const { undo } = await beginPlan(lab, plan)
  const startedAtMs = performance.now()
  const findings: Finding[] = []
  const leftovers: string[] = []
  const watch = (phase: Expectation<K>['phase'], forSeconds?: number) =>
    observe(
      lab,
      plan.expect.filter((expectation) => expectation.phase === phase),
      { stop, ...(forSeconds !== undefined && { forSeconds }), onFinding: (finding) => say(findingText(finding)) },
    )
  try {
    say(`begun; it is undone after ${plan.seconds} s, or with Ctrl-C`)
    if (check) findings.push(...(await watch('during', plan.seconds)))
    await pause(Math.max(0, plan.seconds * 1000 - (performance.now() - startedAtMs)), stop)
  } finally {
    say('undoing it')
    leftovers.push(...(await undo()))
  }
  say(leftovers.length === 0 ? 'undone' : `not undone: ${leftovers.join('; ')}`)
  if (check && !stop.aborted && leftovers.length === 0) findings.push(...(await watch('after')))
  return { findings, leftovers, interrupted: stop.aborted }
}

/** Rejects if an expected alert is already firing, because it would then be impossible to observe when the alert starts. */
async function quietBefore<K extends LabKind>(lab: Lab<K>, { expect }: FaultPlan<K>): Promise<void> {
  for (const { check } of expect) {
    if (check.kind !== 'alert' || check.firing) continue
    const { holds, seen } = await lab.check(check)
    if (!holds)
      throw new LabError(`--check: the alert ${check.labels.alertname} is already firing, so the fault could not be judged (${seen})`)
  }
}

export interface Observing {
  /** Duration of the phase; if undefined, the phase ends when every result is final. */
  forSeconds?: number
  everyMs?: number
  /** Signal that ends the phase early; the observations made so far are then judged. */
  stop?: AbortSignal
  onFinding?: (finding: Finding) => void
}

/** Checks each expectation independently, so that a slow check does not delay the others, and judges the results. */
export async function observe<K extends LabKind>(
  lab: Lab<K>,
  expectations: readonly Expectation<K>[],
  { forSeconds, everyMs = checkEveryMs, stop, onFinding }: Observing,
): Promise<Finding[]> {
  const sinceMs = performance.now()
  const elapsed = () => (performance.now() - sinceMs) / 1000
  const isOver = () => stop?.aborted || (forSeconds !== undefined && elapsed() >= forSeconds)
  const follow = async (expectation: Expectation<K>): Promise<Finding> => {
    const seen: Observation[] = []
    while (!isOver() && !isSettled(expectation, seen)) {
      seen.push(await observeOnce(lab, expectation, elapsed()))
      const leftMs = forSeconds === undefined ? everyMs : Math.max(0, (forSeconds - elapsed()) * 1000)
      if (!isSettled(expectation, seen)) await pause(Math.min(everyMs, leftMs), stop)
    }
    const finding = judge(expectation, seen)
    if (!stop?.aborted) onFinding?.(finding)
    return finding
  }
  return Promise.all(expectations.map(follow))
}

/** @param atSeconds the time at which the check began, not the time at which it ended */
async function observeOnce<K extends LabKind>(lab: Lab<K>, { check }: Expectation<K>, atSeconds: number): Promise<Observation> {
  return lab.check(check).then(
    ({ holds, seen }) => ({ atSeconds, holds, seen }),
    (error: Error) => ({ atSeconds, holds: undefined, seen: error.message }),
  )
}
