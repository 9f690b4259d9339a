/** Copies recorded decisions into a separate file for tuning, because the decision log keeps growing and old decisions expire. Pure. */
import { failure, type Result } from '@lab/contract/result.ts'
import { parseRecords } from '@lab/scaler/read-records.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { pathOf, type TextFile } from './learner.ts'

/** Formats decisions as in the decision log, one line of JSON each. */
export function recordText(log: readonly TickRecord[]): string {
  return log.map((record) => `${JSON.stringify(record)}\n`).join('')
}

/** Returns the recorded decisions, or a one-line reason why they cannot be read. */
export function recordIn(file: TextFile | undefined): Result<TickRecord[]> {
  return file === undefined ? failure(`there is no ${pathOf('record.jsonl')}`) : parseRecords(file.text, pathOf('record.jsonl'))
}
