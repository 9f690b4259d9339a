/**
 * Reads the input files of `replay` and `export`: a decision log and an HPA file. The command exits with an error if a file cannot be read.
 */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { defaultFeatureGates, type HorizontalPodAutoscaler } from '../core/types.ts'
import { readHpa } from '../manifest/read.ts'
import { parseRecords } from '../read-records.ts'
import type { TickRecord } from '../record.ts'
import { readRecords } from './log.ts'

/** Options that select a decision log. */
export interface LogOptions {
  readonly state: string
  /** Path of a decision log; undefined for the log in the state folder. */
  readonly from?: string
}

/** Returns the records of the selected decision log. */
export async function recordsOf({ from, state }: LogOptions, program: Command): Promise<TickRecord[]> {
  if (from === undefined) return readRecords(state)
  const text = await textOf(from, program)
  const records = parseRecords(text, from)
  if (!records.ok) return program.error(`error: ${records.problems.join('\n')}`, { exitCode: 2 })
  return records.value.length > 0 ? records.value : program.error(`error: ${from}: has no decision`, { exitCode: 2 })
}

/** Returns the text of a file. */
export async function textOf(file: string, program: Command): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    return program.error(`error: ${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`, { exitCode: 2 })
  }
}

/** Returns the autoscaler that an HPA file defines. */
export async function readSettings(file: string, program: Command): Promise<HorizontalPodAutoscaler> {
  const read = readHpa(await textOf(file, program), file, defaultFeatureGates)
  return read.ok ? read.value : program.error(read.problems.join('\n'), { exitCode: 2 })
}
