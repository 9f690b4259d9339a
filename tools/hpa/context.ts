/** Reads the files that describe an autoscaler's target. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { failure, type Result, success } from '@lab/contract/result.ts'
import { composeFile } from '@lab/host/compose-file.ts'
import { composeServices } from '@lab/host/compose-service.ts'
import { type FileObject, objectsIn, pathOf, valueAt } from './core/documents.ts'
import { composeWorkload, type Place, type Workload, workloadsAmong } from './core/workload.ts'

/** Returns the text of a file, or a one-line error message. */
export function textOf(file: string): Result<string> {
  try {
    return success(readFileSync(file, 'utf8'))
  } catch (error) {
    return failure(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/**
 * Returns the services of a project whose Compose files are merged in the given order. Variables have the values of the environment, or
 * their defaults in the files.
 */
export function composeWorkloads(files: readonly string[], env: Readonly<Record<string, string | undefined>>): Result<Workload[]> {
  const objects: FileObject[] = []
  for (const file of files) {
    const text = textOf(file)
    if (!text.ok) return text
    const read = objectsIn(text.value, file)
    if (!read.ok) return read
    const [object] = read.value
    const services = valueAt(object?.value, 'services')
    if (object === undefined || typeof services !== 'object' || services === null) return failure(`${file}: has no services`)
    objects.push(object)
  }
  const variables = Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value ? [[name, value]] : [])))
  try {
    const read = (path: string) => readFileSync(path, 'utf8')
    const services = composeServices(
      files.map((file) => composeFile(file, read)),
      variables,
    )
    return success(
      Object.entries(services).map(([name, service]) => composeWorkload({ name, service, placeOf: (field) => placeIn(objects, field) })),
    )
  } catch (error) {
    return failure(`${files.join(', ')}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Returns the place of a field in the last file that has it, or of its service in the first file that has that. */
function placeIn(objects: readonly FileObject[], field: string): Place {
  const path = pathOf(field)
  const has = (length: number) => objects.findLast(({ value }) => valueAt(value, ...path.slice(0, length)) !== undefined)
  const object = has(path.length) ?? has(2) ?? objects[0]
  return { file: object?.file ?? '', line: object?.lineOf(field) ?? 1 }
}

/** Returns the workloads in a manifest, or in all YAML files of a folder and its subfolders. */
export function manifestWorkloads(paths: readonly string[]): Result<Workload[]> {
  const found: Workload[] = []
  for (const file of paths.flatMap(yamlFiles)) {
    const text = textOf(file)
    if (!text.ok) return text
    const objects = objectsIn(text.value, file)
    if (!objects.ok) return objects
    found.push(...workloadsAmong(objects.value))
  }
  return found.length > 0 ? success(found) : failure(`${paths.join(', ')}: has no Deployment and no StatefulSet`)
}

function yamlFiles(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(path, name))
}
