/** Reads a Compose file as data, with `extends` resolved. Pure. */
import { dirname, join } from 'node:path/posix'
import { parse } from 'yaml'

type Mapping = Record<string, unknown>
type Read = (path: string) => string
interface Extension {
  file?: string
  service: string
}

/** When Compose merges files, it replaces the lists in these fields, and concatenates the lists in all other fields. */
const replacedLists: readonly string[] = ['command', 'entrypoint', 'test']

/**
 * Returns the Compose file before variables are interpolated. Relative paths in an extended service are relative to the file that defines
 * that service.
 * @param path the Compose file's path, relative to the repository root
 * @param read returns the text of a file in the repository
 * @throws Error if an extended service does not exist
 */
export function composeFile<T>(path: string, read: Read): T {
  const file = parseFile(path, read)
  const services = Object.keys(file.services).map((name) => [name, serviceOf(name, path, read)])
  return { ...file, services: Object.fromEntries(services) } as T
}

function parseFile(path: string, read: Read): { services: Record<string, Mapping> } {
  return parse(read(path), { merge: true }) as { services: Record<string, Mapping> }
}

function serviceOf(name: string, path: string, read: Read): Mapping {
  const found = parseFile(path, read).services[name]
  if (found === undefined) throw new Error(`${path}: the extended service ${name} does not exist`)
  const { extends: extension, ...own } = found
  if (extension === undefined) return own
  const { file, service } = extension as Extension
  return merged(serviceOf(service, file === undefined ? path : join(dirname(path), file), read), own)
}

/** Merges two definitions of a service as Compose does: `own` takes precedence over `base`. */
export function merged(base: Mapping, own: Mapping): Mapping {
  const result: Mapping = { ...base }
  for (const [key, value] of Object.entries(own)) {
    const before = base[key]
    if (Array.isArray(before) && Array.isArray(value) && !replacedLists.includes(key)) result[key] = [...before, ...value]
    else result[key] = isMapping(before) && isMapping(value) ? merged(before, value) : value
  }
  return result
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
