/** Represents the result of a workshop check as data, and formats it as text. Pure. */
import { columns } from '../columns.ts'

/** A criterion for completing a workshop step, and whether it is met. */
export interface Criterion {
  what: string
  done: boolean
  /** The observation on which the result is based, as one line of text. */
  seen: string
  /** A command that fulfils the criterion; absent once the criterion is met. */
  command?: string
}

export interface StepResult {
  step: number
  title: string
  minutes: number
  done: boolean
  criteria: readonly Criterion[]
}

/** Creates a criterion. @param command a command that fulfils the criterion, included only until the criterion is met */
export function criterion(what: string, done: boolean, seen: string, command: string): Criterion {
  return done ? { what, done, seen } : { what, done, seen, command }
}

/** Formats a workshop step's result as text. */
export function resultText({ step, title, done, criteria }: StepResult): string {
  const lines = criteria.flatMap(({ what, done: met, seen, command }) => [
    `${met ? 'done   ' : 'missing'}  ${what}: ${seen}`,
    ...(command === undefined ? [] : [`         run: ${command}`]),
  ])
  const met = criteria.filter((one) => one.done).length
  const end = done ? 'All criteria are met.' : `${met} of ${criteria.length} criteria are met.`
  return `Step ${step}, ${title}\n\n${lines.join('\n')}\n\n${end}\n`
}

/** Formats the list of workshop steps with their durations and pages. */
export function listText(steps: readonly { number: number; title: string; minutes: number; page: string }[]): string {
  const total = steps.reduce((sum, { minutes }) => sum + minutes, 0)
  return columns([
    ['STEP', 'MINUTES', 'TITLE', 'PAGE'],
    ...steps.map(({ number, title, minutes, page }) => [String(number), String(minutes), title, page]),
    ['all', String(total), '', ''],
  ])
}
