/** What a check says, for a person and for a script. Pure. */
import { columns } from '../columns.ts'

/** One thing that a step asks for. */
export interface Verdict {
  what: string
  done: boolean
  /** What was found, in a line. */
  seen: string
  /** What would do it; absent where it is done. */
  command?: string
}

export interface StepResult {
  step: number
  title: string
  minutes: number
  done: boolean
  criteria: readonly Verdict[]
}

/** What is the case, or what to do about it. @param command used while it is not */
export function verdict(what: string, done: boolean, seen: string, command: string): Verdict {
  return done ? { what, done, seen } : { what, done, seen, command }
}

/** For a person. */
export function resultText({ step, title, done, criteria }: StepResult): string {
  const lines = criteria.flatMap(({ what, done: met, seen, command }) => [
    `${met ? 'done   ' : 'missing'}  ${what}: ${seen}`,
    ...(command === undefined ? [] : [`         do: ${command}`]),
  ])
  const met = criteria.filter((one) => one.done).length
  const end = done ? 'All done.' : `${met} of ${criteria.length} done.`
  return `Step ${step}, ${title}\n\n${lines.join('\n')}\n\n${end}\n`
}

/** All steps with their minutes. */
export function listText(steps: readonly { number: number; title: string; minutes: number; page: string }[]): string {
  const total = steps.reduce((sum, { minutes }) => sum + minutes, 0)
  return columns([
    ['STEP', 'MINUTES', 'TITLE', 'PAGE'],
    ...steps.map(({ number, title, minutes, page }) => [String(number), String(minutes), title, page]),
    ['all', String(total), '', ''],
  ])
}
