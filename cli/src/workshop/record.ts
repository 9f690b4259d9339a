/** The decisions that are put aside to tune settings on, where the log goes on and an hour moves on. Pure. */
import { parseRecords, RecordError } from '../../../scaler/src/read-records.ts'
import type { TickRecord } from '../../../scaler/src/record.ts'
import type { TextFile } from './facts.ts'
import { pathOf } from './first-steps.ts'

/** Puts them aside: the load is then the same for the page's commands and for the check, whenever they are typed. */
export const putAside = 'npx lab workshop record'

/** As the decision log has it. */
export function recordText(log: readonly TickRecord[]): string {
  return log.map((record) => `${JSON.stringify(record)}\n`).join('')
}

/** What was put aside, or why it can't be taken, in a line. */
export function recordIn(file: TextFile | undefined): { log: TickRecord[] } | { problem: string } {
  if (file === undefined) return { problem: `there is no ${pathOf('record.jsonl')}` }
  try {
    return { log: parseRecords(file.text, pathOf('record.jsonl')) }
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    return { problem: error.message }
  }
}
