/** Reads files in this repository, for tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { composeFile } from '@lab/host/compose-file.ts'
import { parse } from 'yaml'

/** Path of the repository's root folder. */
export const root = join(import.meta.dirname, '..', '..', '..')

/** Folders of third-party and uncommitted files, as in .gitignore. In a Git worktree, `.git` is a file instead of a folder. */
const ignoredFolders = new Set(['node_modules', '.git', '.terraform', 'coverage', 'reports'])
const ignoredFile = /(\.log|^\.env|^\.git|\.tfvars|\.tfstate.*)$/

/**
 * Returns the sorted paths of the repository's files, relative to its root and with `/` as the separator.
 * @param matches selects the paths to return
 */
export function repoFiles(matches: (path: string) => boolean = () => true): string[] {
  return walk(root).filter(matches).sort()
}

/** Returns a file's text. @param path the file's path, relative to the repository root */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/**
 * Returns a YAML file's content as data, with anchors and merge keys resolved. @param path the file's path, relative to the repository root
 */
export function readYaml<T>(path: string): T {
  return parse(read(path), { merge: true }) as T
}

/** Returns a Compose file's content as data, with `extends` resolved. @param path the file's path, relative to the repository root */
export function readCompose<T>(path: string): T {
  return composeFile<T>(path, read)
}

/** Replaces the variables in the text of a Compose file with their defaults. */
export function withDefaults(text: string): string {
  return text.replaceAll(/\$\{[A-Z_]+:?-([^}]*)\}/g, '$1')
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ignoredFolders.has(entry.name) ? [] : walk(path)
    return entry.isFile() && !ignoredFile.test(entry.name) ? [relative(root, path).split(sep).join('/')] : []
  })
}
