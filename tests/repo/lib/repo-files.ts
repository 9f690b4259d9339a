/** The files of this repository, for tests that read them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { parse } from 'yaml'

/** The repository's folder. */
export const root = join(import.meta.dirname, '..', '..', '..')

/** What is not ours or not committed; see .gitignore. */
const ignoredFolders = new Set(['node_modules', '.git', 'coverage', 'reports'])
const ignoredFile = /(\.log|^\.env)$/

/**
 * Paths of the files, from the root and with `/`, sorted.
 * @param matches which of them
 */
export function repoFiles(matches: (path: string) => boolean = () => true): string[] {
  return walk(root).filter(matches).sort()
}

/** A file's text. @param path from the root */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** A YAML file's value, anchors and merge keys resolved. @param path from the root */
export function readYaml<T>(path: string): T {
  return parse(read(path), { merge: true }) as T
}

/** What Compose makes of a text of its files while no variable is set. */
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
