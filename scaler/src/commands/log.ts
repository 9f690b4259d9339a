/** What the commands that look back share: where the log is, what is in it, and how they speak. */
import { resolve } from 'node:path'
import { styleText } from 'node:util'
import { Argument, Option } from 'commander'
import { decisionLogPath, defaultStateFolder, readDecisionLog } from '../decision-log.ts'
import type { TickRecord } from '../record.ts'
import type { Paint } from '../views/explain.ts'
import type { View } from '../views/view.ts'
import { viewOf } from '../views/view.ts'
import { humanDuration } from '../views/words.ts'

/** After so many periods without a synchronisation a hint says so; a failing Docker is asked every 8 only. */
const quietPeriods = 10

export function stateOption(): Option {
  return new Option('--state <folder>', 'decision log and pause file').env('SCALER_STATE').default(defaultStateFolder)
}

/** The only kind there is, under the names kubectl knows. */
export function hpaArgument(): Argument {
  const names = ['hpa', 'horizontalpodautoscaler', 'horizontalpodautoscalers', 'horizontalpodautoscalers.autoscaling']
  return new Argument('<resource>', 'what to show').choices(names)
}

/**
 * The records of the log.
 * @throws Error when there are none: where they were looked for, and what to do
 */
export async function readRecords(stateFolder: string): Promise<TickRecord[]> {
  const path = decisionLogPath(stateFolder)
  const records = await readDecisionLog(path)
  if (records.length === 0)
    throw new Error(`no decisions in ${path}: start the scaler with \`npm run scaler -- run\`, or name its folder with --state`)
  return records
}

/**
 * The newest state; a hint goes to stderr when it is old.
 * @param name only this autoscaler will do; undefined: whichever it is
 * @throws Error when there is no record, or it is about another autoscaler
 */
export async function readView(stateFolder: string, name?: string): Promise<View> {
  const view = viewOf(await readRecords(stateFolder))
  if (view === null || (name !== undefined && name !== view.hpa.name)) {
    throw new Error(`horizontalpodautoscalers.autoscaling "${name}" not found`)
  }
  const { newest } = view
  const quietMs = Date.now() - Date.parse(newest.time)
  if (quietMs > (quietPeriods * newest.options.syncPeriodSeconds * 1000) / newest.timeScale) {
    hint(`the last synchronisation was ${humanDuration(quietMs)} ago: is the scaler running?`)
  }
  return view
}

/** One line for people, beside the data. */
export function hint(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Data. */
export function print(text: string): void {
  process.stdout.write(text)
}

/** Colours where stdout is a terminal; NO_COLOR and FORCE_COLOR are heard. */
export const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout })

/** npm runs scripts in the project's root; a relative path means the folder the user is in. */
export function fromShell(file: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), file)
}
