/** Finds the lab on which scenes are played, or starts an embedded lab. */
import { LabError } from '@lab/host/lab-error.ts'
import { until } from '@lab/host/until.ts'
import { type ComposeLab, composeLab } from '@lab/lab/compose/lab.ts'
import { type EmbeddedLab, embeddedLab } from '@lab/lab/embedded/lab.ts'
import { startEmbeddedLab } from '@lab/lab/embedded/process.ts'
import { runningComposeLab } from '@lab/lab/find.ts'
import type { AnyLocalLab, LocalKind } from '@lab/lab/lab.ts'

/** Factor by which the scaler's time windows are shortened, so that a scene is short but viewers can still see the scaler wait. */
export const embeddedTimeScale = 5
/** Prometheus looks for new containers every five seconds, and scrapes them every five seconds. */
const discoveredWithinMs = 30_000

export interface FindOptions {
  /** The kind of lab to use; by default, the running Compose lab or, if there is none, a new embedded lab. */
  on?: LocalKind
  /** Address of the live page of a running embedded lab. */
  page?: string
  /** Address of a Valkey server for a new embedded lab to use. */
  valkey?: string | undefined
  timeScale?: number | undefined
  seed: number
}

/**
 * Resolves with the lab that the options select. Rejects with a one-line error if the lab cannot be found or started, or if its readings do
 * not match its replicas.
 */
export async function labForScenes(options: FindOptions): Promise<AnyLocalLab> {
  const { on, page, valkey, timeScale, seed } = options
  if (on === 'compose' && (page ?? valkey) !== undefined) throw new LabError('--page and --valkey apply to the embedded lab only')
  if (page !== undefined && timeScale !== undefined) throw new LabError('--time-scale cannot change a running embedded lab')
  if (page !== undefined) return embeddedLab(page)
  if (on === 'compose') return composeLabForScenes(options)
  if (on === undefined && valkey === undefined && (await runsOnCompose(seed))) return composeLabForScenes(options)
  return startedEmbeddedLab(options)
}

/** Starts a new embedded lab. Rejects with a one-line error if the embedded lab cannot be started. */
export function startedEmbeddedLab({ valkey, timeScale }: Pick<FindOptions, 'valkey' | 'timeScale'>): Promise<EmbeddedLab> {
  return startEmbeddedLab({ timeScale: timeScale ?? embeddedTimeScale, ...(valkey !== undefined && { valkeyUrl: valkey }) })
}

/**
 * Resolves with the running Compose lab. Rejects with a one-line error if no Compose lab is running, or if Prometheus does not report its
 * replicas.
 */
export async function composeLabForScenes({ seed, timeScale }: Pick<FindOptions, 'seed' | 'timeScale'>): Promise<ComposeLab> {
  const lab = await runningComposeLab({ seed })
  await untilReadingsAgree(lab)
  return timeScale === undefined ? lab : composeLab({ seed, timeScale })
}

/**
 * Returns whether a Compose lab is running. A missing Docker installation is not an error, because the embedded lab can be used instead.
 */
function runsOnCompose(seed: number): Promise<boolean> {
  return runningComposeLab({ seed }).then(
    () => true,
    () => false,
  )
}

/**
 * Waits until the readings contain exactly the replicas that exist. Prometheus reports new replicas a few seconds late, and keeps reporting
 * exited replicas for a few seconds.
 */
async function untilReadingsAgree(lab: AnyLocalLab): Promise<void> {
  // The lab's metrics are read once before the wait loop, so that this function rejects immediately if Prometheus does not respond.
  await lab.readings()
  const agree = async () => {
    const [replicas, { replicas: shown }] = await Promise.all([lab.replicas(), lab.readings()])
    const names = new Set(replicas.map(({ name }) => name))
    const missing = [...names].filter((name) => !shown.some(({ id }) => id === name)).map((name) => `${name} is missing`)
    const ended = shown.filter(({ id }) => !names.has(id)).map(({ id }) => `${id} has ended`)
    if (missing.length + ended.length > 0) throw new Error([...missing, ...ended].join(', '))
    return true
  }
  await until('the metrics show exactly the existing replicas', agree, { withinMs: discoveredWithinMs, everyMs: 500 })
}
