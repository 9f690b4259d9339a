/** Defines the HTTP API of the instructor's page, to which the labs of a workshop's learners report their progress. */
import { z } from 'zod'

/** URL paths of the instructor's page. */
export const workshopPaths = {
  page: '/',
  /** Endpoint that returns the progress of every lab as JSON. */
  labs: '/api/workshop/labs',
  /** Endpoint that accepts one lab's progress in a POST request. */
  progress: '/api/workshop/progress',
} as const

/** Port on which the instructor's page is served by default. */
export const workshopPort = 8095

export const workshopBounds = {
  /** Maximum number of labs, and of characters in a lab's name and in the text about its current step. */
  labs: 60,
  name: 32,
  text: 200,
  bodyBytes: 4_096,
  /** Maximum number of reports of one lab, and of all labs together, in a period of one second. */
  reportsPerSecond: 1,
  reportsOfAllPerSecond: 100,
  /** Interval between two reports of a lab. A lab whose last report is older than `staleSeconds` counts as silent. Seconds. */
  reportEverySeconds: 10,
  staleSeconds: 45,
} as const

const whole = (min: number, max: number) => {
  const error = `allowed is a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

/** What a learner may be called: the text of the error message, and the pattern. */
export const allowedNames = `1 to ${workshopBounds.name} letters, digits, spaces, dots, hyphens and underscores, with a letter or digit at both ends`
export function isAllowedName(name: string): boolean {
  return name.length <= workshopBounds.name && /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N} ._-]*[\p{L}\p{M}\p{N}])?$/u.test(name)
}

const fields = (...names: readonly string[]) => ({ error: `allowed is an object with ${names.join(', ')}` })
const stepFields = {
  step: whole(1, 99),
  /** Number of criteria that are met, and number of all criteria of the step. */
  met: whole(0, 20),
  of: whole(0, 20),
}
const stepProgress = z.strictObject(stepFields, fields(...Object.keys(stepFields)))

const labFields = {
  name: z.string({ error: `allowed are ${allowedNames}` }).refine(isAllowedName, { error: `allowed are ${allowedNames}` }),
  /** A random text that a learner's checkout always sends, so that nobody can report under the name of another learner by mistake. */
  key: z.string({ error: 'allowed is a UUID' }).regex(/^[0-9a-f-]{36}$/, { error: 'allowed is a UUID' }),
  /** The kind of the lab; null while no lab is running. */
  kind: z.enum(['compose', 'embedded'], { error: 'allowed are compose, embedded and null' }).nullable(),
  /** The steps that the lab supports, in order. */
  steps: z.array(stepProgress, { error: 'allowed is a list' }).max(20, { error: 'allowed are at most 20 steps' }),
  /** What is missing in the first step that is not done. */
  missing: z
    .string({ error: 'allowed is a text' })
    .max(workshopBounds.text, { error: `allowed are at most ${workshopBounds.text} characters` }),
}
/** The report of one lab. */
export const labProgress = z.strictObject(labFields, fields(...Object.keys(labFields)))
export type LabProgress = z.infer<typeof labProgress>

/** A lab as the instructor's page shows it. */
export interface LabView extends Omit<LabProgress, 'key'> {
  /** Seconds since the lab's last report. */
  ageSeconds: number
  stale: boolean
}
