/** Plans a fault for a lab: the steps, the expectations, and the undo steps. Pure. */
import { namespace } from '@lab/contract/kubernetes.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import type { CheckOf, FactsOf, LabKind, StepOf } from '@lab/lab/lab.ts'
import { type FaultName, faults, faultsOn } from '../catalogue/index.ts'
import type { Expectation, FaultPlan } from '../fault.ts'

/** Returns a fault's plan, or the reason why the lab does not support the fault. */
export function planOf<K extends LabKind>(name: FaultName, kind: K, facts: FactsOf<K>): Result<FaultPlan<K>> {
  const on = faults[name].on[kind]
  if (on === undefined) return failure(`${name}: not possible on a lab of kind ${kind}, which supports ${faultsOn(kind).join(', ')}`)
  const { seconds, replicas } = facts
  if (replicas < on.needsReplicas)
    return failure(`${name}: healthy replicas: ${replicas}; allowed are ${on.needsReplicas} or more, or nobody serves meanwhile`)
  if (on.needsScaler && !('hasScaler' in facts && facts.hasScaler))
    return failure(`${name}: this lab runs without its scaler; allowed is a lab that has one: ./lab up --k8s-sim`)
  const { does, begin, undo, expect, notes } = on.draft(facts)
  const tooLate = expect.filter((expectation) => comesTooLate(expectation, seconds))
  const unseen = new Set(tooLate.map(({ check }) => JSON.stringify(endOf(check))))
  return success({
    fault: name,
    does,
    seconds,
    begin,
    undo,
    // If an expectation for the time during the fault is omitted, the corresponding expectation for the time after the fault is omitted as
    // well.
    expect: expect.filter((expectation) => !tooLate.includes(expectation) && !unseen.has(JSON.stringify(expectation.check))),
    evidence: expect.filter((expectation) => expectation.evidence),
    notes: [
      ...notes,
      ...tooLate.map(
        ({ what, withinSeconds }) =>
          `not checked, because it takes up to ${withinSeconds} s and the fault lasts only ${seconds} s: ${what}`,
      ),
    ],
    byHand: undo.map((step) => handText(step, kind, seconds)),
  })
}

function comesTooLate<K extends LabKind>({ phase, withinSeconds }: Expectation<K>, seconds: number): boolean {
  return phase === 'during' && withinSeconds !== undefined && withinSeconds > seconds
}

/** Inverts an alert check, so that it expects a firing alert to be resolved; returns any other check unchanged. */
function endOf(check: CheckOf<LabKind>): CheckOf<LabKind> {
  return check.kind === 'alert' ? { ...check, firing: !check.firing } : check
}

/** Formats a step as a command that a user could type. */
function handText(step: StepOf<LabKind>, kind: LabKind, seconds: number): string {
  switch (step.kind) {
    case 'docker':
      return `docker ${step.args.join(' ')}`
    case 'evaluate':
      return `nothing: the code ends by itself after ${seconds} s, or with docker restart ${step.container}`
    case 'traefik':
      return `rm traefik/dynamic/${step.file}`
    case 'order':
      return `nothing: the embedded lab ends it after ${seconds} s`
    case 'at-least':
      return 'nothing: the scaler starts another replica if one is needed'
    case 'scale':
      return `./lab scale ${step.replicas}${kind === 'compose' ? '' : ` --on ${kind}`}`
    case 'rollout':
      return step.how === 'restart' ? './lab rollout restart' : './lab rollout resume'
    case 'deploy':
      return './lab deploy switch'
    case 'links':
      return 'nothing: the clients end with the command'
    case 'reset':
      return 'nothing: the connections have ended'
    case 'act':
      return `kubectl -n ${namespace} delete pod ${step.replica}`
    case 'settle':
    case 'restart-all':
      return 'nothing: Kubernetes restarts or replaces the pod'
  }
}
