/**
 * Reads the input files of `replay` and `export`: a decision log and an HPA file. The command exits with an error if a file cannot be read.
 */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { defaultFeatureGates, type HorizontalPodAutoscaler } from '../core/types.ts'
import { readHpas } from '../manifest/read.ts'
import { parseRecords } from '../read-records.ts'
import type { TickRecord } from '../record.ts'
import { namesIn, readRecords, recordsNamed } from './log.ts'

/** Options that select a decision log. */
export interface LogOptions {
  readonly state: string
  /** Path of a decision log; undefined for the log in the state folder. */
  readonly from?: string
}

/** Returns the records of one autoscaler in the selected decision log: the named one, or the only one. */
export async function recordsOf(name: string | undefined, options: LogOptions, program: Command): Promise<TickRecord[]> {
  const records = recordsNamed(await allRecordsOf(options, program), name)
  const names = namesIn(records)
  if (names.length === 1) return records
  return program.error(`error: the log has several autoscalers; name one of ${names.join(', ')}`, { exitCode: 2 })
}

/** Returns the records of all autoscalers in the selected decision log. */
export async function allRecordsOf({ from, state }: LogOptions, program: Command): Promise<TickRecord[]> {
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

/** Returns the named autoscaler in an HPA file; if there is only one, its name does not matter. */
export async function readSettings(file: string, name: string | undefined, program: Command): Promise<HorizontalPodAutoscaler> {
  const refuse = (...lines: readonly string[]) => program.error(lines.join('\n'), { exitCode: 2 })
  const read = readHpas(await textOf(file, program), file, defaultFeatureGates)
  if (!read.ok) return refuse(...read.problems)
  const names = read.value.map((one) => one.name)
  const chosen = read.value.length === 1 ? read.value[0] : read.value.find((one) => one.name === name)
  if (chosen === undefined)
    return refuse(`error: ${file} has the autoscalers ${names.join(', ')}: ${name === undefined ? 'name one' : `none is ${name}`}`)
  return chosen.hpa.ok ? chosen.hpa.value : refuse(...chosen.hpa.problems)
}
