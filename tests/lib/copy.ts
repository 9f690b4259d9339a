/** Copies the repository, so that a test can change files without affecting the checkout. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repoFiles, root } from '../repo/lib/repo-files.ts'

/**
 * Copies the repository to a new temporary folder, without pictures, films, and the files of a workshop's learner. Returns the folder.
 * @param prefix start of the folder's name
 */
export function copyOfRepo(prefix: string): string {
  const copy = mkdtempSync(join(tmpdir(), prefix))
  for (const file of repoFiles((path) => !/\.(png|mp4)$|^workshop\/my\//.test(path))) cpSync(join(root, file), join(copy, file))
  mkdirSync(join(copy, 'reports'))
  // The copy of the repository links to the installed third-party packages, but contains its own copies of the lab's packages.
  mkdirSync(join(copy, 'node_modules'))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name === '@lab')
      cpSync(join(root, 'node_modules', name), join(copy, 'node_modules', name), { recursive: true, verbatimSymlinks: true })
    else if (!name.startsWith('.') || ['.bin', '.package-lock.json'].includes(name))
      symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name))
  }
  return copy
}
