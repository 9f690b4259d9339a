/** Runs a scenario with the engine, and validates specifications. */
import { decide, recordRescale } from '../core/decide.ts'
import { type Memory, memoryAfterRestart } from '../core/decision.ts'
import { problemsOf } from '../manifest/read.ts'
import { validateSpec } from '../manifest/validate.ts'
import { answerOf, gatesOf, hpaOf, hpaOfYaml, memoryOf, observationOf, optionsOf, parseDocument, unitsPerSecond } from './adapt.ts'
import type { Answer, Scenario, SpecCase, YamlCase } from './cases.ts'

export interface ScenarioAnswer {
  readonly id: string
  readonly steps: readonly { readonly t: number; readonly actual: Answer }[]
}

/** Runs all steps in order with the memory of the step before. The replica counts come from the scenario, not from earlier decisions. */
export function replayScenario(scenario: Scenario): ScenarioAnswer {
  const options = optionsOf(scenario)
  const perSecond = unitsPerSecond(scenario)
  let hpa = scenario.hpaYaml == null ? hpaOf(scenario.hpa) : hpaOfYaml(scenario.hpaYaml, scenario)
  let memory = memoryOf(scenario)
  const steps = scenario.steps.map((step) => {
    if (step.hpaYaml != null) hpa = hpaOfYaml(step.hpaYaml, scenario)
    else if (step.hpa) hpa = hpaOf(step.hpa)
    if (step.restart) memory = memoryAfterRestart(memory)
    if (step.clockBack) memory = memoryLater(memory, step.clockBack / perSecond)
    const decided = decide(hpa, options, observationOf(step, hpa, scenario), memory)
    const outcome = step.scaleUpdateFails ? { error: 'the scale subresource refused the update' } : ({ ok: true } as const)
    const done = recordRescale(hpa, options, decided, outcome)
    memory = done.memory
    return { t: step.t, actual: answerOf(done.decision, perSecond) }
  })
  return { id: scenario.id, steps }
}

/** Returns the memory after the clock was set back: every remembered time is later by this number of seconds. */
function memoryLater(memory: Memory, seconds: number): Memory {
  const later = <T extends { readonly timeSeconds: number }>(one: T): T => ({ ...one, timeSeconds: one.timeSeconds + seconds })
  return {
    ...memory,
    recommendations: memory.recommendations?.map(later) ?? null,
    scaleUps: memory.scaleUps.map(later),
    scaleDowns: memory.scaleDowns.map(later),
  }
}

export interface SpecAnswer {
  readonly id: string
  readonly valid: boolean
  readonly errors: readonly { readonly field: string; readonly type: string; readonly detail: string }[]
}

export function checkSpec({ id, hpa, featureGates }: SpecCase): SpecAnswer {
  const { data, error } = parseDocument(hpa)
  const errors = data
    ? validateSpec(data.spec ?? {}, gatesOf(featureGates)).map(({ field, type, detail }) => ({ field, type, detail }))
    : error.issues.map(({ path, message }) => ({ field: path.join('.'), type: 'Decode', detail: message }))
  return { id, valid: errors.length === 0, errors }
}

export interface YamlAnswer {
  readonly id: string
  readonly valid: boolean
  readonly errors: readonly { readonly field: string; readonly type: string; readonly text: string }[]
}

/** Returns whether a file contains valid autoscaling/v2 objects, with the errors of the API server's decoder and validation. */
export function checkYaml({ id, yaml, featureGates }: YamlCase): YamlAnswer {
  const errors = problemsOf(yaml, gatesOf(featureGates)).map(({ field, type, text }) => ({ field, type, text }))
  return { id, valid: errors.length === 0, errors }
}
