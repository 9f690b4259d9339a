/**
 * Reads and writes the rollout file, which exists while a rollout is under way. A rollout can temporarily run more replicas than desired,
 * so the number of containers may differ from the desired number of replicas. The desired number of replicas, which corresponds to
 * spec.replicas of a Deployment, is stored in the rollout file next to the decision log. A rollout writes the rollout file when it begins
 * and removes the file when it ends. During a rollout, the scaler reads the desired number of replicas from the rollout file, and writes a
 * new number to the file instead of scaling.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const rolloutScaleSchema = z.strictObject({
  /** Revision numbers. */
  from: z.int().positive(),
  to: z.int().positive(),
  /** Desired number of replicas. */
  replicas: z.int().min(0).max(9999),
})
export type RolloutScale = z.infer<typeof rolloutScaleSchema>

/** Returns the path of the file through which a rollout and the scaler exchange the number of replicas. */
export function rolloutFilePath(stateFolder: string): string {
  return join(stateFolder, 'rollout.json')
}

/**
 * Returns the current rollout's revisions and desired number of replicas, or undefined if no rollout is under way. Rejects with a one-line
 * error if the content of the rollout file is invalid.
 */
export async function readRolloutScale(stateFolder: string): Promise<RolloutScale | undefined> {
  const path = rolloutFilePath(stateFolder)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return rolloutScaleSchema.parse(JSON.parse(text))
  } catch {
    throw new Error(`${path} is no scale of a rollout; remove it, and ./lab rollout resume writes it again`)
  }
}

/** @param scale the rollout's revisions and desired number of replicas; undefined to remove the rollout file */
export async function writeRolloutScale(stateFolder: string, scale: RolloutScale | undefined): Promise<void> {
  const path = rolloutFilePath(stateFolder)
  if (scale === undefined) return rm(path, { force: true })
  await mkdir(stateFolder, { recursive: true })
  // The rollout file is written under a temporary name and then renamed, so that readers never see a partial file.
  await writeFile(`${path}.new`, `${JSON.stringify(scale)}\n`)
  await rename(`${path}.new`, path)
}
