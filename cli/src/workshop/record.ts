/** Puts the scaler's decisions aside, where the log goes on and an hour moves on. */
import { mkdir, writeFile } from 'node:fs/promises'
import type { TickRecord } from '../../../scaler/src/record.ts'
import { root } from '../docker.ts'
import { LabError } from '../lab-error.ts'
import { learnerFolder, lookBackMinutes } from './facts.ts'
import { pathOf } from './first-steps.ts'
import { readLog } from './gather.ts'
import { withMySettings } from './scaling.ts'

/**
 * Writes the decisions of the last hour to the learner's folder, over those from before.
 * @returns how many
 * @throws LabError where there are none
 */
export async function keepRecord(): Promise<number> {
  const log = await readLog(Date.now())
  if (log.length === 0) throw new LabError(`no decision in the last ${lookBackMinutes} minutes; start the scaler: ${withMySettings}`)
  await mkdir(`${root}${learnerFolder}`, { recursive: true })
  await writeFile(`${root}${pathOf('record.jsonl')}`, recordText(log))
  return log.length
}

/** As the decision log has it. Pure. */
export function recordText(log: readonly TickRecord[]): string {
  return log.map((record) => `${JSON.stringify(record)}\n`).join('')
}
