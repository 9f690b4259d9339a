/** Lists the npm packages in this repository, and the imports of their modules. */
import { dirname } from 'node:path'
import { type Import, importsOf, modules } from './modules.ts'
import { read, repoFiles } from './repo-files.ts'

export interface Package {
  name: string
  /** The package's folder, relative to the repository root; empty for the root package. */
  folder: string
  dependencies: readonly string[]
  devDependencies: readonly string[]
  /** The package's `exports` field: importable names and their files; `*` stands for any path. */
  exports: Readonly<Record<string, string>>
}

interface Manifest {
  name: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  exports?: Record<string, string>
  workspaces?: string[]
}

const manifestOf = (file: string) => JSON.parse(read(file)) as Manifest

/** All packages, starting with the root package. */
export const packages: readonly Package[] = repoFiles((path) => /(^|\/)package\.json$/.test(path))
  .map((file) => {
    const { name, dependencies = {}, devDependencies = {}, exports = {} } = manifestOf(file)
    const folder = dirname(file)
    return {
      name,
      folder: folder === '.' ? '' : folder,
      dependencies: Object.keys(dependencies),
      devDependencies: Object.keys(devDependencies),
      exports,
    }
  })
  .sort((a, b) => a.folder.localeCompare(b.folder))

/** The root package's `workspaces` field. */
export const workspaces: readonly string[] = manifestOf('package.json').workspaces ?? []

const byName = new Map(packages.map((one) => [one.name, one]))

/** Returns a file's package, which is the one in the nearest parent folder. */
export function packageOf(path: string): Package | undefined {
  const above = packages.filter(({ folder }) => folder === '' || path.startsWith(`${folder}/`))
  return above.sort((a, b) => b.folder.length - a.folder.length)[0]
}

/** An import from another package. */
export interface Use extends Import {
  file: string
  by: Package
  /** Name of the imported package. */
  name: string
  /** The imported package, if it is in this repository. */
  to: Package | undefined
  /** The key in the package's `exports` that matches the import; undefined if no key matches or the import is relative. */
  face: string | undefined
}

/** Built-in modules of Node.js and k6. */
const builtIn = /^(node:|k6$|k6\/)/

/** All imports from other packages, excluding built-in modules. */
export const uses: readonly Use[] = modules.flatMap((file) => {
  const by = packageOf(file)
  if (by === undefined) return []
  return importsOf(file).flatMap((one): Use[] => {
    if (builtIn.test(one.from)) return []
    if (one.path !== undefined) {
      const to = packageOf(one.path)
      return to === undefined || to === by ? [] : [{ ...one, file, by, name: to.name, to, face: undefined }]
    }
    const name = one.from
      .split('/')
      .slice(0, one.from.startsWith('@') ? 2 : 1)
      .join('/')
    const to = byName.get(name)
    return [{ ...one, file, by, name, to, face: to && faceOf(to, `.${one.from.slice(name.length)}`) }]
  })
})

/**
 * Returns the path, relative to the repository root, of the file that a package import refers to; undefined if the package does not export
 * it.
 */
export function exportedFile(to: Package, from: string): string | undefined {
  const wanted = `.${from.slice(to.name.length)}`
  const face = faceOf(to, wanted)
  if (face === undefined) return undefined
  const [before = ''] = face.split('*')
  const file = to.exports[face]?.replace('*', wanted.slice(before.length))
  return file === undefined ? undefined : `${to.folder}/${file.slice(2)}`
}

function faceOf({ exports }: Package, wanted: string): string | undefined {
  return Object.keys(exports).find((key) => key === wanted || (key.endsWith('*') && wanted.startsWith(key.slice(0, -1))))
}

/** Returns, by package name, which of this repository's packages each package declares or imports. */
export function graph(): Map<string, string[]> {
  return new Map(
    packages
      .filter(({ folder }) => folder !== '')
      .map((one) => {
        const imported = uses.filter(({ by }) => by === one).map(({ name }) => name)
        const all = new Set([...one.dependencies, ...one.devDependencies, ...imported].filter((name) => byName.has(name)))
        return [one.name, [...all].sort()]
      }),
  )
}

/**
 * Sorts packages into layers, so that each package depends only on packages in earlier layers.
 * @returns the layers and, separately, the packages that cannot be sorted because they are part of a cycle or depend on one
 */
export function layersOf(needs: ReadonlyMap<string, readonly string[]>): { layers: string[][]; rest: string[] } {
  const placed = new Set<string>()
  const layers: string[][] = []
  for (;;) {
    const next = [...needs].filter(([name, others]) => !placed.has(name) && others.every((other) => placed.has(other)))
    if (next.length === 0) break
    layers.push(next.map(([name]) => name))
    for (const [name] of next) placed.add(name)
  }
  return { layers, rest: [...needs.keys()].filter((name) => !placed.has(name)) }
}

/** Returns the packages in one cycle, with the first package repeated at the end, or undefined if there is no cycle. */
export function cycleIn(needs: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const { rest } = layersOf(needs)
  const way: string[] = []
  let next = rest[0]
  while (next !== undefined && !way.includes(next)) {
    way.push(next)
    next = needs.get(next)?.find((other) => rest.includes(other))
  }
  return next === undefined ? undefined : [...way.slice(way.indexOf(next)), next]
}

/** Formats the dependency graph as text, layer by layer. */
export function graphText(needs: ReadonlyMap<string, readonly string[]>): string {
  const { layers, rest } = layersOf(needs)
  const line = (name: string) => `  ${name.padEnd(20)} ${(needs.get(name) ?? []).join(' ')}`.trimEnd()
  const blocks = layers.map((names, index) => [`layer ${index + 1}`, ...names.sort().map(line)].join('\n'))
  const cycles = rest.length === 0 ? [] : [['in a cycle, or above one', ...rest.map(line)].join('\n')]
  return `${[...blocks, ...cycles].join('\n\n')}\n`
}
