/** Stores the lease in the state folder. Every wait has a time limit, and every file is replaced as a whole. */
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isCurrent, type Lease, leaseSchema, leaseSeconds, mayHold, renewEverySeconds } from '../lease.ts'
import type { Clock } from '../ports.ts'

/** A claim that is older than this belongs to a scaler that was killed while it held the claim. Milliseconds. */
const claimExpiresMs = 5000

export function leasePath(stateFolder: string): string {
  return join(stateFolder, 'lease.json')
}

/** Returns the path of the note that a scaler writes while it stands by. */
export function standbyPath(stateFolder: string): string {
  return join(stateFolder, 'standby.json')
}

/** Returns the scalers of a state folder: the one that acts, and the one that stands by. Undefined if there is none. */
export async function readScalers(stateFolder: string, nowSeconds: number): Promise<{ acting?: string; standingBy?: string }> {
  const [acting, standingBy] = await Promise.all([leasePath(stateFolder), standbyPath(stateFolder)].map(readLease))
  const current = (lease: Lease | undefined) => (lease !== undefined && isCurrent(lease, nowSeconds) ? lease.holder : undefined)
  const [a, b] = [current(acting), current(standingBy)]
  return { ...(a !== undefined && { acting: a }), ...(b !== undefined && { standingBy: b }) }
}

export interface LeaseFile {
  /** Takes or renews the lease. Returns null on success, or the name of the scaler that holds the lease. Rejects if the folder is not writable. */
  take(): Promise<string | null>
  /** Notes that this scaler stands by, or no longer does. */
  standBy(waiting: boolean): Promise<void>
  /** Gives up the lease, so that a scaler that stands by takes over at once. */
  release(): Promise<void>
}

/** The name by which a process is known to other scalers. A restarted container has the same name, and continues with its own lease. */
export const ownName = `${hostname()}-${process.pid}`

/** @param self the name of this scaler */
export function leaseFile(stateFolder: string, clock: Clock, self: string = ownName): LeaseFile {
  const path = leasePath(stateFolder)
  const claim = `${path}.claim`
  const write = async (file: string) => {
    await writeFile(`${file}.${self}`, `${JSON.stringify({ holder: self, renewedSeconds: clock.nowSeconds() } satisfies Lease)}\n`)
    await rename(`${file}.${self}`, file)
  }
  /** Runs an action while no other scaler can change the lease. Returns null if another scaler is just changing it. */
  const exclusively = async <T>(act: () => Promise<T>): Promise<T | null> => {
    await mkdir(stateFolder, { recursive: true })
    const file = await open(claim, 'wx').catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
      const age = await stat(claim).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      )
      if (age > claimExpiresMs) await rm(claim, { force: true })
      return null
    })
    if (file === null) return null
    try {
      await file.close()
      return await act()
    } finally {
      await rm(claim, { force: true })
    }
  }
  return {
    take: async () => {
      const result = await exclusively(async () => {
        const lease = await readLease(path)
        if (!mayHold(lease, self, clock.nowSeconds())) return lease?.holder ?? 'another scaler'
        await write(path)
        return ''
      })
      return result === '' ? null : (result ?? (await readLease(path))?.holder ?? 'another scaler')
    },
    standBy: async (waiting) => {
      if (waiting) return write(standbyPath(stateFolder))
      if ((await readLease(standbyPath(stateFolder)))?.holder === self) await rm(standbyPath(stateFolder), { force: true })
    },
    release: async () => {
      await exclusively(async () => {
        if ((await readLease(path))?.holder === self) await rm(path, { force: true })
      })
    },
  }
}

/** Returns a lease, or undefined if the file does not exist or has other content. */
async function readLease(path: string): Promise<Lease | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  try {
    return leaseSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

export interface LeaseReports {
  /** Called when this scaler begins to act, and when it begins to stand by. @param holder the acting scaler; null if it is this one */
  readonly changed: (holder: string | null) => void
  /** Prints one line for the operator. */
  readonly say: (line: string) => void
}

/**
 * Runs a task whenever this scaler holds the lease, until the `stop` signal is aborted. The task's signal is aborted when another scaler has
 * taken over.
 */
export async function whileHolding(
  lease: LeaseFile,
  task: (stop: AbortSignal) => Promise<void>,
  clock: Clock,
  { changed, say }: LeaseReports,
  stop: AbortSignal,
): Promise<void> {
  let problem = ''
  // A full disk must not prevent the scaler from scaling, so a scaler that cannot use the lease acts without it.
  const attempt = () =>
    lease.take().catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error)
      if (why !== problem) say(`the lease cannot be used, so this scaler acts without it: ${why}`)
      problem = why
      return null
    })
  while (!stop.aborted) {
    let holder = await attempt()
    if (holder !== null) {
      say(`standing by: ${holder} scales this project; this scaler takes over within ${leaseSeconds + renewEverySeconds} s after it ends`)
      changed(holder)
    }
    while (holder !== null && !stop.aborted) {
      await lease.standBy(true).catch((error: unknown) => say(`cannot note that this scaler stands by: ${error}`))
      await clock.sleep(renewEverySeconds, stop)
      if (!stop.aborted) holder = await attempt()
    }
    await lease.standBy(false).catch((error: unknown) => say(`cannot remove the note about standing by: ${error}`))
    if (holder !== null) return
    changed(null)
    const lost = new AbortController()
    const done = new AbortController()
    const renewing = renew(attempt, clock, lost, AbortSignal.any([stop, done.signal]))
    await task(AbortSignal.any([stop, lost.signal]))
    done.abort()
    await renewing
    if (!stop.aborted) say('this scaler has lost its lease')
  }
  await lease.release().catch((error: unknown) => say(`cannot release the lease: ${error}`))
}

/** Renews the lease until the `stop` signal is aborted. Aborts `lost` if another scaler holds the lease, or it has expired. */
async function renew(attempt: () => Promise<string | null>, clock: Clock, lost: AbortController, stop: AbortSignal): Promise<void> {
  let renewedAt = clock.nowSeconds()
  while (!stop.aborted && !lost.signal.aborted) {
    await clock.sleep(renewEverySeconds, stop)
    if (stop.aborted) return
    const holder = await attempt()
    if (holder === null) renewedAt = clock.nowSeconds()
    // The holder stops a little earlier than another scaler may take over.
    else if (clock.nowSeconds() - renewedAt > leaseSeconds - 2 * renewEverySeconds) lost.abort()
  }
}
