/** Packs a folder into a single file that users can attach to a help request. */
import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { create } from 'tar'

/** Returns the path of a folder's archive, which is located next to the folder. */
export const archiveOf = (folder: string) => `${folder}.tar.gz`

/**
 * Packs a folder into an archive that contains no user names, and leaves the folder in place. Each path in the archive begins with the name
 * of the packed folder.
 * @param folder path of the folder, without a trailing slash
 * @returns the path of the archive. Rejects if the archive already exists or cannot be written.
 */
export async function packFolder(folder: string): Promise<string> {
  const file = archiveOf(folder)
  if (existsSync(file)) throw new Error(`${file} already exists`)
  await create({ gzip: true, file, cwd: dirname(folder), portable: true, strict: true }, [basename(folder)])
  return file
}
