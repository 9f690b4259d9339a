/**
 * Reads and writes an autoscaler's intent: the record of a sync whose scaling action has begun, but not ended. The scaler writes the intent
 * before it acts and removes it after it has written the record, so an intent that a starting scaler finds belongs to a scaler that was
 * killed in the middle.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRecords } from './read-records.ts'
import type { TickRecord } from './record.ts'

export function intentPath(stateFolder: string, name: string): string {
  return join(stateFolder, `intent-${name}.json`)
}

/** Returns the intent of a killed scaler, or undefined if there is none. A file with other content is no intent. */
export async function readIntent(stateFolder: string, name: string): Promise<TickRecord | undefined> {
  const path = intentPath(stateFolder, name)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const records = parseRecords(text, path)
  return records.ok ? records.value[0] : undefined
}

/** @param record undefined to remove the intent */
export async function writeIntent(stateFolder: string, name: string, record: TickRecord | undefined): Promise<void> {
  const path = intentPath(stateFolder, name)
  if (record === undefined) return rm(path, { force: true })
  await mkdir(stateFolder, { recursive: true })
  // A temporary name, so that a reader never sees a partial file.
  await writeFile(`${path}.new`, `${JSON.stringify(record)}\n`)
  await rename(`${path}.new`, path)
}
