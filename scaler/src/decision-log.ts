/**
 * Reads and writes the decision log: a file with one JSON line per sync, and an older file with the preceding lines. Together, the current
 * and previous log files never exceed twice `maxBytes`. Incomplete records, such as the last line written before a crash, are skipped.
 */
import { appendFile, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { reportsFolder } from '@lab/host/project.ts'
import { z } from 'zod'
import type { TickRecord } from './record.ts'

/** Returns the default folder of the decision log and the pause file, relative to the root of the checkout. */
export function defaultStateFolder(env?: Readonly<Record<string, string | undefined>>): string {
  return `${reportsFolder(env)}/scaler`
}
/** The default state folder as shown in help texts and documentation, with a placeholder for the project. */
export const stateFolderWords = 'reports/PROJECT/scaler'

export function decisionLogPath(stateFolder: string): string {
  return join(stateFolder, 'decisions.jsonl')
}

/**
 * Returns the path of the pause file of one autoscaler, or of all. While the pause file exists, the scaler makes decisions but does not
 * change the number of replicas.
 */
export function pauseFilePath(stateFolder: string, name?: string): string {
  return join(stateFolder, name === undefined ? 'paused' : `${pausePrefix}${name}`)
}
const pausePrefix = 'paused-'

/** Whether an autoscaler is paused, either by itself or with all others. @param name undefined asks whether all are paused together */
export async function isPaused(stateFolder: string, name?: string): Promise<boolean> {
  const files = [pauseFilePath(stateFolder), ...(name === undefined ? [] : [pauseFilePath(stateFolder, name)])]
  return (await Promise.all(files.map((file) => ifThere(stat(file))))).some((found) => found !== undefined)
}

/**
 * Pauses or resumes one autoscaler, or all of them; the change takes effect on the scaler's next sync. To resume all also ends the pauses
 * of single ones.
 */
export async function setPaused(stateFolder: string, paused: boolean, name?: string): Promise<void> {
  const file = pauseFilePath(stateFolder, name)
  if (paused) {
    await mkdir(stateFolder, { recursive: true })
    await writeFile(file, `${new Date().toISOString()}\n`)
    return
  }
  const single = name === undefined ? await pauseFilesIn(stateFolder) : []
  await Promise.all([file, ...single].map((one) => rm(one, { force: true })))
}

async function pauseFilesIn(stateFolder: string): Promise<string[]> {
  const names = (await ifThere(readdir(stateFolder))) ?? []
  return names.filter((name) => name.startsWith(pausePrefix)).map((name) => join(stateFolder, name))
}

/** The names of the files in a state folder: logs, pauses, intents, the rollout, and the lease with its note about a second scaler. */
const stateFileNames = /^(decisions(\.1)?\.jsonl|paused(-.+)?|(intent-.+|rollout|lease|standby)\.json(\..+)?)$/

/** Returns the paths of all files that scalers have written to their state folder. */
export async function stateFiles(stateFolder: string): Promise<string[]> {
  const names = (await ifThere(readdir(stateFolder))) ?? []
  return names.filter((name) => stateFileNames.test(name)).map((name) => join(stateFolder, name))
}

/** Default maximum size of a log file: enough for about half a day of records in real time with ten busy replicas. */
const defaultMaxBytes = 16 * 2 ** 20

/**
 * The fields that a line of the decision log must have to count as a complete record. Other fields are not checked, because the scaler
 * itself wrote the records.
 */
const recordSchema = z.looseObject({
  time: z.iso.datetime(),
  hpa: z.looseObject({ namespace: z.string(), name: z.string() }),
  timeScale: z.number().positive(),
  observation: z.looseObject({ timeSeconds: z.number() }),
  decision: z.looseObject({ timeSeconds: z.number() }),
  memory: z.looseObject({ status: z.looseObject({}) }),
})

/**
 * Appends records to the decision log, one at a time. Only one process may write to a decision log, so a second scaler needs a different
 * folder.
 */
export class DecisionLog {
  readonly #path: string
  readonly #maxBytes: number
  /** The previous append. Several autoscalers write to one log, and a line must not interrupt another one. */
  #before: Promise<void> = Promise.resolve()

  constructor(path: string, maxBytes: number = defaultMaxBytes) {
    this.#path = path
    this.#maxBytes = maxBytes
  }

  append(record: TickRecord): Promise<void> {
    const written = this.#before.then(() => this.#write(record))
    // The next append does not depend on the result of this one, which its own caller receives.
    this.#before = written.catch(() => undefined)
    return written
  }

  async #write(record: TickRecord): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true })
    const line = `${JSON.stringify(record)}\n`
    const size = await sizeOf(this.#path)
    if (size > 0 && size + Buffer.byteLength(line) > this.#maxBytes) await rename(this.#path, olderPath(this.#path))
    const torn = size > 0 && !(await endsWithNewline(this.#path))
    await appendFile(this.#path, torn ? `\n${line}` : line)
  }
}

/** Returns all records in the decision log, oldest first, or an empty list if the log does not exist. */
export async function readDecisionLog(path: string): Promise<TickRecord[]> {
  const texts = await Promise.all([readIfThere(olderPath(path)), readIfThere(path)])
  return texts.flatMap((text) => text.split('\n').flatMap(recordOf))
}

/**
 * Number of bytes to read from the end of a log file: far more than one record takes up. A whole log file might not fit into a small
 * container's memory.
 */
const tailBytes = 2 ** 20

/** Selects records, for example those of one autoscaler. */
export type Select = (record: TickRecord) => boolean

/** Selects the records of the autoscalers that scale a service. */
export function ofService(service: string): Select {
  return ({ hpa }) => hpa.scaleTargetRef.name === service
}

/** Reads the newest selected record from the end of the log. Returns undefined if there is no such record. */
export async function readLastRecord(path: string, select: Select = () => true): Promise<TickRecord | undefined> {
  for await (const record of newestFirst(path)) if (select(record)) return record
  return undefined
}

/**
 * Returns the records after a given time, oldest first. Only the end of the log is read, so the oldest of many records may be missing from
 * the result.
 * @param time time of the newest record that the caller already has
 */
export async function readRecordsAfter(path: string, time: string, select: Select = () => true): Promise<TickRecord[]> {
  const found: TickRecord[] = []
  for await (const record of newestFirst(path)) {
    if (!select(record)) continue
    if (record.time <= time) break
    found.push(record)
  }
  return found.reverse()
}

/** Yields the records in the last mebibyte of each log file, newest first. */
async function* newestFirst(path: string): AsyncGenerator<TickRecord> {
  for (const file of [path, olderPath(path)]) {
    for (const line of (await tailIfThere(file)).split('\n').reverse()) yield* recordOf(line)
  }
}

function recordOf(line: string): TickRecord[] {
  if (line === '') return []
  try {
    const parsed = recordSchema.safeParse(JSON.parse(line))
    return parsed.success ? [parsed.data as unknown as TickRecord] : []
  } catch {
    return []
  }
}

function olderPath(path: string): string {
  return path.replace(/(\.jsonl)?$/, '.1.jsonl')
}

async function sizeOf(path: string): Promise<number> {
  return (await ifThere(stat(path)))?.size ?? 0
}

async function readIfThere(path: string): Promise<string> {
  return (await ifThere(readFile(path, 'utf8'))) ?? ''
}

async function endsWithNewline(path: string): Promise<boolean> {
  return (await tailIfThere(path, 1)) === '\n'
}

async function tailIfThere(path: string, maxBytes = tailBytes): Promise<string> {
  const file = await ifThere(open(path))
  if (file === undefined) return ''
  try {
    const { size } = await file.stat()
    const length = Math.min(size, maxBytes)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.subarray(0, bytesRead).toString()
  } finally {
    await file.close()
  }
}

/** Resolves with the result of a file operation, or with undefined if the file does not exist. */
async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
