/** Reads the files of this repository for tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { composeFile } from '@lab/generate/compose-file.ts'
import { parse } from 'yaml'

/** The root folder of the repository. */
export const root = join(import.meta.dirname, '..', '..', '..')

/** Folders of third-party and uncommitted files, as in .gitignore. In a worktree of Git, `.git` is not a folder but a file. */
const ignoredFolders = new Set(['node_modules', '.git', 'coverage', 'reports'])
const ignoredFile = /(\.log|^\.env|^\.git)$/

/**
 * The sorted paths of the files, relative to the root and with `/`.
 * @param matches a function that selects the paths
 */
export function repoFiles(matches: (path: string) => boolean = () => true): string[] {
  return walk(root).filter(matches).sort()
}

/** Returns the text of a file. @param path the path of the file, relative to the root */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/**
 * Returns the content of a YAML file as data, with resolved anchors and merge keys. @param path the path of the file, relative to the
 * root
 */
export function readYaml<T>(path: string): T {
  return parse(read(path), { merge: true }) as T
}

/** Returns the content of a Compose file as data, with resolved `extends`. @param path the path of the file, relative to the root */
export function readCompose<T>(path: string): T {
  return composeFile<T>(path, read)
}

/** Replaces the variables of a Compose text with their defaults. */
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
