/**
 * Finds out whether a Compose service can have several containers, and if not, which line of which Compose file is the reason. Pure: the
 * texts of the files are read by the function that is passed as an argument.
 */
import { basename, dirname, join } from 'node:path'
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'

/** Returns the text of a Compose file, or null if it cannot be read. */
export type ReadText = (path: string) => string | null

/** Maximum number of files and services that are followed through `include` and `extends`. */
const maxSteps = 50

/** A service in one of the Compose files. */
interface Definition {
  readonly file: string
  readonly service: Node | null
  readonly lineOf: (node: Node) => number
}

/**
 * Returns one line that says why a service cannot be scaled; null if nothing prevents it.
 * @param files paths of the project's Compose files
 */
export function serviceProblem(files: readonly string[], service: string, read: ReadText): string | null {
  // Without any readable file, nothing is known about the service, and Compose itself reports the missing files.
  if (files.every((file) => read(file) === null)) return null
  const found = definitionsOf(files, service, read)
  if (found.length === 0) return `the Compose files have no service ${service} (${files.map((file) => basename(file)).join(', ')})`
  for (const { file, service: definition, lineOf } of found) {
    const at = (node: Node) => `the service ${service} cannot be scaled: ${basename(file)}:${lineOf(node)}`
    const name = child(definition, 'container_name')
    if (name !== null && scalarText(name) !== '') return `${at(name)} gives every container the same container_name, ${scalarText(name)}`
    for (const port of items(child(definition, 'ports'))) {
      const fixed = fixedHostPort(port)
      if (fixed !== null) return `${at(port)} binds the host port ${fixed}, which only one container can have`
    }
  }
  return null
}

/** Returns the definitions of a service in all files, including those that the service extends. */
function definitionsOf(files: readonly string[], service: string, read: ReadText): Definition[] {
  const found: Definition[] = []
  const waiting = files.map((file) => ({ file, service }))
  for (let steps = 0; waiting.length > 0 && steps < maxSteps; steps += 1) {
    const next = waiting.shift()
    const text = next === undefined ? null : read(next.file)
    if (next === undefined || text === null) continue
    const lines = new LineCounter()
    const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent', merge: true })
    const beside = (path: string) => join(dirname(next.file), path)
    for (const include of items(child(document.contents, 'include')))
      for (const path of isScalar(include) ? [scalarText(include)] : pathsAt(child(include, 'path')))
        waiting.push({ file: beside(path), service: next.service })
    const all = child(document.contents, 'services')
    if (!isMap(all) || !all.has(next.service)) continue
    const definition = resolved(all.get(next.service, true) as Node | null, document)
    found.push({ file: next.file, service: definition, lineOf: (node) => lines.linePos(node.range?.[0] ?? 0).line })
    const base = child(definition, 'extends')
    if (base === null) continue
    const from = child(base, 'file')
    const parent = isScalar(base) ? base : child(base, 'service')
    if (parent !== null) waiting.push({ file: from === null ? next.file : beside(scalarText(from)), service: scalarText(parent) })
  }
  return found
}

function resolved(node: Node | null, document: ReturnType<typeof parseDocument>): Node | null {
  return node !== null && 'source' in node && 'resolve' in node ? (node.resolve(document) ?? null) : node
}

function pathsAt(node: Node | null): string[] {
  return node === null ? [] : isScalar(node) ? [scalarText(node)] : items(node).map(scalarText)
}

function child(node: Node | null, key: string): Node | null {
  return isMap(node) ? ((node.get(key, true) as Node | undefined) ?? null) : null
}

function items(node: Node | null): Node[] {
  return isSeq(node) ? (node.items as Node[]) : []
}

function scalarText(node: Node): string {
  return isScalar(node) ? String(node.value ?? '') : ''
}

/** Returns the host port of an entry under `ports`; null if Docker chooses the port, possibly from a range. */
function fixedHostPort(entry: Node): string | null {
  const text = isMap(entry) ? publishedOf(entry) : shortHostPort(scalarText(entry))
  return text === '' || text === '0' || /^\d+-\d+$/.test(text) ? null : text
}

function publishedOf(entry: Node): string {
  const published = child(entry, 'published')
  return published === null ? '' : scalarText(published)
}

/** Returns the host port in [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]. A variable may contain colons itself, and counts as one word. */
function shortHostPort(entry: string): string {
  const variables: string[] = []
  const words = entry.replaceAll(/\$\{[^}]*\}|\[[^\]]*\]/g, (variable) => `$${variables.push(variable) - 1}`)
  const host = words.split(':').at(-2) ?? ''
  return host.replaceAll(/\$(\d+)/g, (_, index: string) => variables[Number(index)] ?? '')
}
