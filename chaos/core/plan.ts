/** A fault made ready: what will be done, what is said beforehand, and how it is undone. Pure. */
import { composePlans } from './compose-plans.ts'
import { embeddedPlans } from './embedded-plans.ts'
import { type FaultName, faults } from './faults.ts'
import type { Plan, Scene, Statement, Step } from './types.ts'

/** What a fault says and does, before it is cut to the time it lasts. */
export interface Draft {
  does: string
  begin: Step[]
  undo: Step[]
  statements: Statement[]
  notes?: string[]
}

export type Planned = { ok: true; plan: Plan } | { ok: false; problem: string }

/** The plan of a fault, or why it cannot be done here. */
export function planOf(name: FaultName, scene: Scene): Planned {
  const fault = faults[name]
  const draft = scene.ground === 'compose' ? composePlans[name] : embeddedPlans[name]
  if (draft === undefined) return { ok: false, problem: `${name}: not on the ${scene.ground} lab, which has ${possible(scene)}` }
  const needed = fault.needsReplicas[scene.ground]
  if (scene.replicas < needed)
    return {
      ok: false,
      problem: `${name}: ${scene.replicas} replicas run, at least ${needed} have to, or nobody serves meanwhile`,
    }
  const { does, begin, undo, statements, notes = [] } = draft(scene)
  const tooLate = statements.filter((statement) => comesTooLate(statement, scene.seconds))
  const late = new Set(tooLate.map(({ look }) => JSON.stringify(endOf(look))))
  return {
    ok: true,
    plan: {
      ...{ fault: name, does, begin, undo, byHand: undo.map((step) => handText(step, scene)) },
      // What may not have begun is not waited for to end.
      statements: statements.filter((statement) => !tooLate.includes(statement) && !late.has(JSON.stringify(statement.look))),
      notes: [
        ...notes,
        ...tooLate.map(
          ({ what, withinSeconds }) => `${scene.seconds} s are too short for this, which takes up to ${withinSeconds} s: ${what}`,
        ),
      ],
    },
  }
}

function comesTooLate({ phase, withinSeconds }: Statement, seconds: number): boolean {
  return phase === 'during' && withinSeconds !== undefined && withinSeconds > seconds
}

/** How the end of what is looked at would be looked at. */
function endOf(look: Statement['look']): Statement['look'] {
  return look.kind === 'alert' ? { ...look, firing: !look.firing } : look
}

function possible({ ground }: Scene): string {
  return Object.entries(faults)
    .filter(([, { seconds }]) => seconds[ground] !== undefined)
    .map(([name]) => name)
    .join(', ')
}

/** A step as a person would type it. */
function handText(step: Step, { seconds }: Scene): string {
  if (step.kind === 'docker') return `docker ${step.args.join(' ')}`
  if (step.kind === 'evaluate') return `nothing: it ends by itself after ${seconds} s, or with docker restart ${step.container}`
  return `nothing: the embedded lab ends it after ${seconds} s`
}
