/** Options and input/output functions shared by all commands that work with the decision log. */
import { styleText } from 'node:util'
import { Argument, Option } from 'commander'
import { decisionLogPath, defaultStateFolder, readDecisionLog, stateFolderWords } from '../decision-log.ts'
import type { TickRecord } from '../record.ts'
import type { Paint } from '../views/explain.ts'
import type { View } from '../views/view.ts'
import { quietMs, viewsOf } from '../views/view.ts'
import { humanDuration } from '../views/words.ts'

export function stateOption(): Option {
  return new Option('--state <folder>', 'folder that contains the decision log and the pause file')
    .env('SCALER_STATE')
    .default(defaultStateFolder(), stateFolderWords)
}

/** Returns the command-line argument for the object kind, which accepts all of kubectl's names for an HPA. */
export function hpaArgument(): Argument {
  const names = ['hpa', 'horizontalpodautoscaler', 'horizontalpodautoscalers', 'horizontalpodautoscalers.autoscaling']
  return new Argument('<resource>', 'kind of object').choices(names)
}

/** Returns the records in the decision log. @throws Error with the path of the log and a hint if there is no record */
export async function readRecords(stateFolder: string): Promise<TickRecord[]> {
  const path = decisionLogPath(stateFolder)
  const records = await readDecisionLog(path)
  if (records.length === 0)
    throw new Error(`no decisions in ${path}: start the lab with its scaler: ./lab up --k8s-sim; or name its folder: --state`)
  return records
}

/** Returns the command-line argument for an autoscaler's name. @param without what the command does if no name is given */
export function nameArgument(without = 'all of them'): Argument {
  return new Argument('[name]', `name of the autoscaler (default: ${without})`)
}

/** Returns the records of the named autoscaler, or all records. @throws Error if there is none */
export async function readRecordsOf(stateFolder: string, name: string | undefined): Promise<TickRecord[]> {
  return recordsNamed(await readRecords(stateFolder), name)
}

/** Returns those records that belong to the named autoscaler, or all records. @throws Error if there is none */
export function recordsNamed(records: readonly TickRecord[], name: string | undefined): TickRecord[] {
  const own = records.filter(({ hpa }) => name === undefined || hpa.name === name)
  if (own.length === 0)
    throw new Error(`horizontalpodautoscalers.autoscaling "${name}" not found; the log has: ${namesIn(records).join(', ')}`)
  return own
}

/** Returns the names of the autoscalers in a log, in alphabetical order. */
export function namesIn(records: readonly TickRecord[]): string[] {
  return [...new Set(records.map(({ hpa }) => hpa.name))].sort()
}

/**
 * Returns the newest state of the named autoscaler or of all, and prints a hint to stderr if a state is old.
 * @throws Error if there is no record
 */
export async function readViews(stateFolder: string, name?: string): Promise<View[]> {
  const views = viewsOf(await readRecordsOf(stateFolder, name))
  const agoMs = Math.min(...views.map(({ newest }) => Date.now() - Date.parse(newest.time)))
  const isQuiet = views.every(({ newest }) => Date.now() - Date.parse(newest.time) > quietMs(newest))
  if (isQuiet) hint(`the last synchronisation was ${humanDuration(agoMs)} ago: is the scaler running?`)
  return views
}

/** Prints a line for the user to stderr, so that it is separate from the data on stdout. */
export function hint(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Prints data to stdout. */
export function print(text: string): void {
  process.stdout.write(text)
}

/** Styles a string if stdout is a terminal. The NO_COLOR and FORCE_COLOR environment variables take precedence over the terminal check. */
export const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout })
