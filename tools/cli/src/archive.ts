/** Packs a folder into one file that users can attach to a request for help. */
import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { create } from 'tar'

/** Returns the path of the archive of a folder, which is next to the folder. */
export const archiveOf = (folder: string) => `${folder}.tar.gz`

/**
 * Packs a folder into an archive without user names, and does not delete the folder.
 * Each path in the archive begins with the name of the packed folder.
 * @param folder path of the folder, without a slash at the end
 * @returns the path of the archive. Rejects if the archive already exists or cannot be written.
 */
export async function packFolder(folder: string): Promise<string> {
  const file = archiveOf(folder)
  if (existsSync(file)) throw new Error(`${file} already exists`)
  await create({ gzip: true, file, cwd: dirname(folder), portable: true, strict: true }, [basename(folder)])
  return file
}
