/**
 * The decision log: one JSON line per synchronisation in one file, and one file before it. Both together never take more
 * than twice `maxBytes`. A line that was torn by a crash is skipped; so is any other that is not a record.
 */
import { appendFile, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { TickRecord } from './record.ts'

/** Where a scaler keeps its decision log and pause file unless told otherwise, from the project's root. */
export const defaultStateFolder = 'reports/scaler'

export function decisionLogPath(stateFolder: string): string {
  return join(stateFolder, 'decisions.jsonl')
}

/** While this file exists, the scaler decides but leaves the replicas alone. */
export function pauseFilePath(stateFolder: string): string {
  return join(stateFolder, 'paused')
}

/** Every file that a scaler keeps there. */
export function stateFiles(stateFolder: string): string[] {
  const log = decisionLogPath(stateFolder)
  return [log, olderPath(log), pauseFilePath(stateFolder)]
}

/** Half a day of ten busy replicas in real time. */
const defaultMaxBytes = 16 * 2 ** 20

/** Enough to know a record from a piece of one; the rest was written by us. */
const recordSchema = z.looseObject({
  time: z.iso.datetime(),
  hpa: z.looseObject({ namespace: z.string(), name: z.string() }),
  timeScale: z.number().positive(),
  observation: z.looseObject({ timeSeconds: z.number() }),
  decision: z.looseObject({ timeSeconds: z.number() }),
  memory: z.looseObject({ status: z.looseObject({}) }),
})

/** Appends records. One append at a time, by one process: a second scaler needs a folder of its own. */
export class DecisionLog {
  readonly #path: string
  readonly #maxBytes: number

  constructor(path: string, maxBytes: number = defaultMaxBytes) {
    this.#path = path
    this.#maxBytes = maxBytes
  }

  async append(record: TickRecord): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true })
    const line = `${JSON.stringify(record)}\n`
    const size = await sizeOf(this.#path)
    if (size > 0 && size + Buffer.byteLength(line) > this.#maxBytes) await rename(this.#path, olderPath(this.#path))
    const torn = size > 0 && !(await endsWithNewline(this.#path))
    await appendFile(this.#path, torn ? `\n${line}` : line)
  }
}

/** All records that are kept, oldest first; none when there is no log. */
export async function readDecisionLog(path: string): Promise<TickRecord[]> {
  const texts = await Promise.all([readIfThere(olderPath(path)), readIfThere(path)])
  return texts.flatMap((text) => text.split('\n').flatMap(recordOf))
}

/** Far more than the longest record, and far less than a whole log, which would fill the memory of a small container. */
const tailBytes = 2 ** 20

/** The newest record, read from the end of the log; undefined when there is none. */
export async function readLastRecord(path: string): Promise<TickRecord | undefined> {
  for await (const record of newestFirst(path)) return record
  return undefined
}

/**
 * The records after one that is known, oldest first; of very many, the newest.
 * @param time of the one that is known
 */
export async function readRecordsAfter(path: string, time: string): Promise<TickRecord[]> {
  const found: TickRecord[] = []
  for await (const record of newestFirst(path)) {
    if (record.time <= time) break
    found.push(record)
  }
  return found.reverse()
}

/** Records from the end of the log on: a mebibyte of each of its files. */
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

/** The answer, or undefined when there is no such file. */
async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
