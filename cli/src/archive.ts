/** A folder as one file, which can be attached where people ask for help. */
import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { create } from 'tar'

/** Where the archive of a folder goes: beside it. */
export const archiveOf = (folder: string) => `${folder}.tar.gz`

/**
 * Packs a folder, which stays. Names in the archive begin with the folder's own; nothing in it says who made it.
 * @param folder without a slash at the end
 * @returns the path of the archive. Rejects when it is there already, or cannot be written
 */
export async function packFolder(folder: string): Promise<string> {
  const file = archiveOf(folder)
  if (existsSync(file)) throw new Error(`${file} is there already`)
  await create({ gzip: true, file, cwd: dirname(folder), portable: true, strict: true }, [basename(folder)])
  return file
}
