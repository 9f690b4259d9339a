/** Options and input/output functions shared by all commands that work with the decision log. */
import { styleText } from 'node:util'
import { Argument, Option } from 'commander'
import { decisionLogPath, defaultStateFolder, readDecisionLog, stateFolderWords } from '../decision-log.ts'
import type { TickRecord } from '../record.ts'
import type { Paint } from '../views/explain.ts'
import type { View } from '../views/view.ts'
import { viewOf } from '../views/view.ts'
import { humanDuration } from '../views/words.ts'

/**
 * Number of sync periods without a record after which the commands print a hint. While calls to Docker fail, the control loop waits for up
 * to 8 sync periods between two records.
 */
const quietPeriods = 10

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

/**
 * Returns the autoscaler's newest state, and prints a hint to stderr if that state is old.
 * @param name expected name of the autoscaler; undefined accepts any name
 * @throws Error if there is no record, or if the recorded autoscaler does not have the expected name
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
