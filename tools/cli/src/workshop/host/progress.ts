/** Builds a lab's report for the instructor's page. Pure. */
import { type LabProgress, workshopBounds } from '@lab/contract/workshop-api.ts'
import type { Facts } from '../facts.ts'
import { resultOf, stepsOn } from '../steps.ts'

/** Returns the results of all steps that the lab supports, and what is missing in the first step that is not done. */
export function progressOf(facts: Facts): Pick<LabProgress, 'kind' | 'steps' | 'missing'> {
  const results = stepsOn(facts.kind).map((step) => resultOf(step, facts))
  const steps = results.map(({ step, criteria }) => ({ step, met: criteria.filter(({ done }) => done).length, of: criteria.length }))
  const open = results.find(({ done }) => !done)
  const criterion = open?.criteria.find(({ done }) => !done)
  return { kind: facts.kind, steps, missing: criterion === undefined ? '' : shortened(`${criterion.what}: ${criterion.seen}`) }
}

/** Returns what to report while the lab cannot be checked. @param problem one line */
export function withoutLab(problem: string): Pick<LabProgress, 'kind' | 'steps' | 'missing'> {
  return { kind: null, steps: [], missing: shortened(problem) }
}

function shortened(text: string): string {
  return text.length > workshopBounds.text ? `${text.slice(0, workshopBounds.text - 1)}…` : text
}
