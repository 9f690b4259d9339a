/** Computes the fingerprint of a replica's version from the replica's code and settings. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { type Config, type SettingName, settings } from './config.ts'

const root = new URL('../../../', import.meta.url)
/**
 * The folders that contain a replica's code. The fingerprint does not cover third-party packages, whose versions are pinned in
 * package.json.
 */
const folders = ['services/ws/src', 'contract/src', 'client/src']

/** Settings that may differ between replicas of the same version. */
const ofOneReplica: readonly SettingName[] = [
  'PORT',
  'INTERNAL_PORT',
  'HOST',
  'REPLICA_ID',
  'REPLICA_DNS_PREFIX',
  'LAB_COLOUR',
  'LAB_VERSION',
]

/**
 * Returns the fingerprint, which consists of seven hexadecimal digits. Secrets are excluded, because the fingerprint is public.
 * @param files the contents of the source files, by path
 */
export function fingerprintOf(config: Config, files: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256')
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${path}\0${text}\0`)
  for (const [name, setting] of Object.entries(settings) as [SettingName, object][])
    if (!ofOneReplica.includes(name) && !('secret' in setting)) hash.update(`${name}=${config[name]}\0`)
  return hash.digest('hex').slice(0, 7)
}

/**
 * Returns the source files that a replica runs, excluding tests, by their path in the repository. Throws an error if a file cannot be read.
 */
export function sourceFiles(): Map<string, string> {
  const paths = folders.flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|html|css)$/.test(name) && !name.endsWith('.test.ts'))
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
  )
  return new Map([...paths, 'services/ws/package.json'].map((path) => [path, readFileSync(new URL(path, root), 'utf8')]))
}
