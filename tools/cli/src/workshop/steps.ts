/** The workshop's steps, in order. Each step's check is a pure function of the collected facts. */
import type { LocalKind } from '@lab/lab/lab.ts'
import { rollingUpdates, toKubernetes, tuning } from './beyond.ts'
import type { Facts } from './facts.ts'
import { chaos, drainAndLoss, reconnectStorm } from './failures.ts'
import { firstSocket, readingThePanels, stickiness } from './first-steps.ts'
import type { Criterion, StepResult } from './results.ts'
import { behaviourPolicies, firstSurge, stabilisation, wrongSignal } from './scaling.ts'

export interface Step {
  number: number
  title: string
  minutes: number
  /** Path of the step's page, relative to the root of the checkout. */
  page: string
  check: (facts: Facts) => Criterion[]
  /** Whether the step can be done on the embedded lab. The other steps need Docker, k6, Prometheus or Compose. */
  withoutDocker: boolean
}

export const steps: readonly Step[] = [
  step(1, 'First socket', 6, '01-first-socket', firstSocket),
  step(2, 'Stickiness', 6, '02-stickiness', stickiness),
  step(3, 'Reading the panels', 8, '03-reading-the-panels', readingThePanels),
  step(4, 'First surge', 10, '04-first-surge', firstSurge),
  step(5, 'Why CPU is the wrong signal', 7, '05-wrong-signal', wrongSignal),
  step(6, 'Behaviour policies', 8, '06-behaviour-policies', behaviourPolicies),
  step(7, 'Stabilisation', 9, '07-stabilisation', stabilisation),
  step(8, 'Drain and loss', 8, '08-drain-and-loss', drainAndLoss, { withoutDocker: false }),
  step(9, 'Storm', 8, '09-storm', reconnectStorm, { withoutDocker: false }),
  step(10, 'Chaos', 7, '10-chaos', chaos, { withoutDocker: false }),
  step(11, 'Tuning by replay', 8, '11-tuning-by-replay', tuning),
  step(12, 'Rolling updates', 8, '12-rolling-updates', rollingUpdates, { withoutDocker: false }),
  step(13, 'To Kubernetes', 5, '13-to-kubernetes', toKubernetes),
]

/** Returns the workshop steps that are possible on the given kind of lab, which is either Compose or embedded. */
export function stepsOn(kind: LocalKind): readonly Step[] {
  return steps.filter(({ withoutDocker }) => kind === 'compose' || withoutDocker)
}

/** Checks a step. */
export function resultOf({ number, title, minutes, check }: Step, facts: Facts): StepResult {
  const criteria = check(facts)
  return { step: number, title, minutes, done: criteria.every(({ done }) => done), criteria }
}

function step(
  number: number,
  title: string,
  minutes: number,
  slug: string,
  check: Step['check'],
  { withoutDocker = true }: Partial<Pick<Step, 'withoutDocker'>> = {},
): Step {
  return { number, title, minutes, page: `workshop/${slug}.md`, check, withoutDocker }
}
