/** Plays a scenario through the engine, and a specification through the checks. */
import { decide, recordRescale } from '../core/decide.ts'
import { invalid } from '../spec/field-error.ts'
import { validateSpec } from '../spec/validate.ts'
import { answerOf, gatesOf, hpaOf, memoryOf, observationOf, optionsOf, parseDocument } from './adapt.ts'
import type { Answer, Scenario, SpecCase } from './cases.ts'

export interface ScenarioAnswer {
  readonly id: string
  readonly steps: readonly { readonly t: number; readonly actual: Answer }[]
}

/** Every step in order, memory carried along. The counts come from the scenario, not from what was decided before. */
export function replayScenario(scenario: Scenario): ScenarioAnswer {
  const options = optionsOf(scenario)
  let hpa = hpaOf(scenario.hpa)
  let memory = memoryOf(scenario.initial)
  const steps = scenario.steps.map((step) => {
    if (step.hpa) hpa = hpaOf(step.hpa)
    const decided = decide(hpa, options, observationOf(step, hpa, scenario.containers ?? []), memory)
    const outcome = step.scaleUpdateFails ? { error: 'the scale subresource refused the update' } : ({ ok: true } as const)
    const done = recordRescale(hpa, options, decided, outcome)
    memory = done.memory
    return { t: step.t, actual: answerOf(done.decision) }
  })
  return { id: scenario.id, steps }
}

export interface SpecAnswer {
  readonly id: string
  readonly valid: boolean
  readonly errors: readonly { readonly field: string; readonly type: string; readonly detail: string }[]
}

export function checkSpec({ id, hpa, featureGates }: SpecCase): SpecAnswer {
  const { data, error } = parseDocument(hpa)
  const errors = data
    ? validateSpec(data.spec ?? {}, gatesOf(featureGates))
    : error.issues.map(({ path, message }) => invalid(path.join('.'), undefined, message))
  return { id, valid: errors.length === 0, errors: errors.map(({ field, type, detail }) => ({ field, type, detail })) }
}
