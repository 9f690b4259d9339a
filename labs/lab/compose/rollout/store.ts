/**
 * Stores a project's revisions and its current rollout in a folder. A rollout's progress is not stored, because the container labels show
 * which replicas have already been replaced.
 */
import { mkdir, open, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RolloutEvent, rolloutEvent } from '@lab/contract/rollouts.ts'
import { say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { z } from 'zod'
import { deploySchema } from '../deploy/state.ts'
import { defaultObjectives } from './objectives.ts'

/** Identifies a replica's revision: Compose's hash of the service configuration, and the image ID. */
const versionSchema = z.object({ hash: z.string(), image: z.string() })
export type Version = z.infer<typeof versionSchema>

const revisionSchema = z.object({
  number: z.number(),
  version: versionSchema,
  /** ISO 8601. */
  since: z.string(),
  /** The command that created the revision, as the user typed it. */
  cause: z.string(),
  /** The .env lines that the revision sets; null means that .env has no such line. */
  settings: z.record(z.string(), z.string().nullable()),
  /** Whether the stored Compose file has the revision's configuration hash, so that the revision's replicas can be recreated. */
  recoverable: z.boolean(),
})
export type Revision = z.infer<typeof revisionSchema>

const rolloutSchema = z.object({
  /** Numbers of revisions. */
  target: z.number(),
  from: z.number(),
  startedAt: z.string(),
  /**
   * Replicas created before this time are replaced even if they have the desired revision, as with `./lab rollout restart`. Unix seconds.
   */
  madeAfterSeconds: z.number().optional(),
  maxSurge: z.number(),
  maxUnavailable: z.number(),
  progressDeadlineSeconds: z.number(),
  maxErrorRatio: z.number().default(defaultObjectives.maxErrorRatio),
  maxP95Seconds: z.number().default(defaultObjectives.maxP95Seconds),
  /** The desired number of replicas, like a Deployment's spec.replicas. */
  replicas: z.number(),
  rollingBack: z.boolean(),
  ended: z.enum(['complete', 'rolled-back', 'failed']).optional(),
  /** Data of the deploy; absent if the rollout replaces the replicas one by one. */
  deploy: deploySchema.optional(),
})
export type Rollout = z.infer<typeof rolloutSchema>

const recordSchema = z.object({
  revisions: z.array(revisionSchema),
  rollout: rolloutSchema.optional(),
  events: z.array(rolloutEvent),
})
export type RolloutRecord = z.infer<typeof recordSchema>

/** Maximum number of old revisions in the history, like a Deployment's revisionHistoryLimit. */
export const storedRevisions = 10
const storedEvents = 50
/** Age after which a lock file counts as stale; a running rollout command renews its lock file more often. */
const holdFreshMs = 30_000
const holdRenewMs = 5_000

/** Returns the folder of a project's rollout data, relative to the root of the checkout. */
export function rolloutFolder(project: string): string {
  return join('reports', project, 'rollout')
}

/** Returns the unfinished rollout; undefined if there is none. */
export function unfinished({ rollout }: RolloutRecord): Rollout | undefined {
  return rollout?.ended === undefined ? rollout : undefined
}

/** Adds an event to the rollout record, and removes the oldest event if there are too many. */
export function withEvent(record: RolloutRecord, event: RolloutEvent): RolloutRecord {
  return { ...record, events: [...record.events, event].slice(-storedEvents) }
}

/** Adds a revision, and removes the oldest of the other revisions if there are more than `storedRevisions`. */
export function withRevision(record: RolloutRecord, revision: Revision): { record: RolloutRecord; forgotten: readonly Revision[] } {
  const revisions = [...record.revisions.filter(({ number }) => number !== revision.number), revision].sort((a, b) => a.number - b.number)
  const cut = Math.max(0, revisions.length - storedRevisions - 1)
  return { record: { ...record, revisions: revisions.slice(cut) }, forgotten: revisions.slice(0, cut) }
}

/** Rejects if the history does not contain the revision. */
export function revisionIn({ revisions }: Pick<RolloutRecord, 'revisions'>, wanted: number | undefined): Revision {
  const revision = revisions.find(({ number }) => number === wanted)
  if (revision !== undefined) return revision
  throw new LabError(`there is no revision ${wanted}; allowed are ${revisions.map(({ number }) => number).join(', ')}`)
}

export const sameVersion = (a: Version, b: Version) => a.hash === b.hash && a.image === b.image

export interface RolloutStore {
  readonly folder: string
  read(): Promise<RolloutRecord>
  write(record: RolloutRecord): Promise<void>
  isPaused(): Promise<boolean>
  setPaused(paused: boolean): Promise<void>
  /** Returns the path of the Compose file that defines a revision's service, with all variables filled in. */
  fileOf(revision: number): string
  saveFile(revision: number, text: string): Promise<void>
  removeFile(revision: number): Promise<void>
  /** Returns the ID of the process that is carrying out a rollout; undefined if there is none. */
  holder(): Promise<number | undefined>
  /** Locks the rollout for this process until the returned function is called. Rejects if another process holds the lock. */
  hold(): Promise<() => Promise<void>>
}

/** @param folder absolute path of the folder that stores the rollout data */
export function rolloutStore(folder: string): RolloutStore {
  const recordPath = join(folder, 'record.json')
  const pausePath = join(folder, 'paused')
  const holdPath = join(folder, 'running')
  const fileOf = (revision: number) => join(folder, `revision-${revision}.yaml`)
  const holder = async () => {
    const text = await ifThere(readFile(holdPath, 'utf8'))
    if (text === undefined) return undefined
    const { mtimeMs } = await stat(holdPath)
    // A killed command leaves its lock file behind, so a lock file is ignored if it is no longer renewed or its process has exited.
    return Date.now() - mtimeMs < holdFreshMs && isAlive(Number(text)) ? Number(text) : undefined
  }
  return {
    folder,
    fileOf,
    holder,
    read: async () => {
      const text = await ifThere(readFile(recordPath, 'utf8'))
      if (text === undefined) return { revisions: [], events: [] }
      try {
        return recordSchema.parse(JSON.parse(text))
      } catch {
        throw new LabError(`${recordPath} is no record of rollouts; remove it to begin a new history`)
      }
    },
    write: async (record) => {
      await mkdir(folder, { recursive: true })
      // The record is written to a temporary file that is then renamed, so that a killed command never leaves an incomplete record.
      await writeFile(`${recordPath}.new`, `${JSON.stringify(record, null, 1)}\n`)
      await rename(`${recordPath}.new`, recordPath)
    },
    isPaused: async () => (await ifThere(stat(pausePath))) !== undefined,
    setPaused: async (paused) => {
      if (paused) await writeFile(pausePath, `${new Date().toISOString()}\n`)
      else await rm(pausePath, { force: true })
    },
    saveFile: async (revision, text) => {
      await mkdir(folder, { recursive: true })
      // Only the owner may read the Compose file, because its environment variables may contain secrets.
      await writeFile(fileOf(revision), text, { mode: 0o600 })
    },
    removeFile: (revision) => rm(fileOf(revision), { force: true }),
    hold: async () => {
      await mkdir(folder, { recursive: true })
      const other = await holder()
      if (other !== undefined) throw new LabError(heldBy(other))
      await rm(holdPath, { force: true })
      const file = await open(holdPath, 'wx').catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
        throw new LabError(heldBy((await holder()) ?? 0))
      })
      await file.writeFile(String(process.pid))
      await file.close()
      const sayLost = (error: Error) => say(`the mark of this rollout could not be renewed (${error.message}): another one may start`)
      const renewing = setInterval(() => void utimes(holdPath, new Date(), new Date()).catch(sayLost), holdRenewMs)
      renewing.unref()
      return async () => {
        clearInterval(renewing)
        await rm(holdPath, { force: true })
      }
    },
  }
}

const heldBy = (pid: number) =>
  `a rollout is carried out by process ${pid}, or a deploy; end it with Ctrl-C, or watch it: ./lab rollout status, ./lab deploy status`

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM means that the process exists but belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Resolves with the result of a file operation, or with undefined if the file does not exist. */
async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
