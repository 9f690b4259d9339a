/** Checks that dependencies between packages are declared, contain no cycles, and use only exported files. */
import { existsSync, writeFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importsIn, isTest, modules } from './lib/modules.ts'
import { cycleIn, exportedFile, graph, graphText, layersOf, packageOf, packages, uses, workspaces } from './lib/packages.ts'
import { read, root } from './lib/repo-files.ts'

/**
 * Folders whose modules import other packages by relative paths, each with the reason. Browsers and k6 load these modules without
 * node_modules.
 */
const loadedAsTheyAre: readonly (readonly [RegExp, string])[] = [
  [/^contract\/src\//, 'loaded by k6 and by browsers'],
  [/^client\/src\//, 'loaded by k6 and by browsers'],
  [/^ledger\//, 'loaded by k6'],
  [/^k6\//, 'loaded by k6'],
  [/^services\/ws\/src\/page\//, 'loaded by browsers'],
]

/** Dependencies that no module imports, each with its purpose. */
const startedOrRead: Readonly<Record<string, string>> = {
  '@biomejs/biome': 'a program: npm run check',
  cspell: 'a program: npm run check',
  typescript: 'a program: npm run check',
  vitest: 'a program: npm run test:unit',
  node: 'a program: the runtime of the npm scripts',
  '@types/node': 'types that the compiler loads automatically',
  '@types/k6': 'types that the compiler loads automatically',
  '@types/ws': 'types that the compiler loads automatically',
  '@vitest/coverage-v8': 'loaded by vitest: --coverage',
  '@cdktn/hcl-tools': 'loaded by createRequire in tests/repo/lib/terraform.ts',
  '@cdktn/hcl2json': 'loaded by createRequire in tests/repo/lib/terraform.ts',
}

/** Packages that export all files in a folder, each with the reason. */
const allPublic: Readonly<Record<string, string>> = {
  '@lab/contract': 'each of its files exists to be shared',
}

const needs = graph()
const where = ({ file, line }: { file: string; line: number }) => `${file}:${line}`

test('the graph has no cycle', () => {
  writeFileSync(join(root, 'reports/packages.txt'), graphText(needs))
  expect(cycleIn(needs)?.join(' → ')).toBeUndefined()
})

test('every module belongs to a package, and every package is a workspace', () => {
  expect(modules.filter((file) => packageOf(file)?.folder === '' && !file.startsWith('.ci/'))).toEqual([])
  const folders = packages.map(({ folder }) => folder).filter(Boolean)
  expect(folders.filter((folder) => !workspaces.some((pattern) => matchesGlob(folder, pattern)))).toEqual([])
})

test('all files contain the same version', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  const stated = packages.flatMap(({ name, folder }) => {
    const manifest = JSON.parse(read(join(folder, 'package.json'))) as Record<string, Record<string, string> | string>
    const others = Object.entries({ ...Object(manifest.dependencies), ...Object(manifest.devDependencies) })
    const own = others.filter(([other]) => other.startsWith('@lab/')).map(([other, at]) => `${name} needs ${other} ${at}`)
    return [`${name} ${manifest.version}`, ...own]
  })
  expect(stated.filter((one) => !one.endsWith(` ${version}`))).toEqual([])
  const labels = ['services/ws', 'services/alert-receiver', 'scaler', 'k6'].map((folder) => read(`${folder}/Dockerfile`))
  expect(labels.filter((text) => !text.includes(`org.opencontainers.image.version="${version}"`))).toEqual([])
  expect(read('README.md')).toContain(`/badge/version-${version}-`)
  expect(/^## \[(\d.*?)\]/m.exec(read('docs/CHANGELOG.md'))?.[1]).toBe(version)
})

test('every package declares what its modules import', () => {
  const undeclared = uses.filter(({ by, name }) => name !== by.name && ![...by.dependencies, ...by.devDependencies].includes(name))
  expect(undeclared.map((use) => `${where(use)} imports ${use.name}, which ${use.by.name} does not declare`)).toEqual([])
})

test('production code imports no devDependencies', () => {
  const late = uses.filter(({ by, name, file, typesOnly }) => !typesOnly && !isTest(file) && by.devDependencies.includes(name))
  expect(late.map((use) => `${where(use)} imports ${use.name}, which is among the devDependencies of ${use.by.name}`)).toEqual([])
})

test('every declared dependency is imported', () => {
  const unused = packages.flatMap(({ name, dependencies, devDependencies }) =>
    [...dependencies, ...devDependencies]
      .filter((other) => !uses.some((use) => use.by.name === name && use.name === other) && !(other in startedOrRead))
      .map((other) => `${name} declares ${other}`),
  )
  expect(unused).toEqual([])
})

test('packages are imported by name, and only their exported files', () => {
  const past = uses.filter(({ to, path, face }) => to !== undefined && path === undefined && face === undefined)
  expect(past.map((use) => `${where(use)} imports ${use.from}, which is not among the exports of ${use.name}`)).toEqual([])
  const relative = uses.filter(
    ({ file, path }) => path !== undefined && !(loadedAsTheyAre.some(([folder]) => folder.test(file)) && !isTest(file)),
  )
  expect(relative.map((use) => `${where(use)} imports ${use.from}; by name it is ${use.name}/…`)).toEqual([])
})

test('packages export only files that others import', () => {
  const wrong = packages.flatMap(({ name, folder, exports }) =>
    Object.entries(exports).flatMap(([key, file]) => {
      if (key.includes('*')) return name in allPublic ? [] : [`${name}: "${key}" exports everything; name the files that others import`]
      if (!existsSync(join(root, folder, file))) return [`${name}: "${key}": there is no ${file}`]
      return uses.some((use) => use.name === name && use.face === key) ? [] : [`${name}: nobody imports "${key}"`]
    }),
  )
  expect(wrong).toEqual([])
})

test('every import of a module of this repository resolves to a file', () => {
  const lost = uses.filter((use) => {
    const file = use.path ?? (use.to && use.face !== undefined ? exportedFile(use.to, use.from) : undefined)
    return file !== undefined && !existsSync(join(root, file))
  })
  expect(lost.map((use) => `${where(use)} imports ${use.from}, which does not exist`)).toEqual([])
})

test('the exceptions are still needed', () => {
  const unneeded = loadedAsTheyAre.filter(([folder]) => !modules.some((file) => folder.test(file))).map(([folder]) => String(folder))
  const declared = new Set(packages.flatMap(({ dependencies, devDependencies }) => [...dependencies, ...devDependencies]))
  expect([...unneeded, ...Object.keys(startedOrRead).filter((name) => !declared.has(name))]).toEqual([])
})

describe('the check itself', () => {
  test('finds every form of import', () => {
    const text = `import a from './a.ts'
import { b,
  c } from "node:fs"
import './d.ts'
export * from '../e.ts'
export { x } from './x.ts'
import type { F } from './f.ts'
const g = await import('./g.ts')
type H = import('./h.ts').H
// import i from './i.ts'
const text = \`
import j from './j.ts'\``
    expect(importsIn('contract/src/x.ts', text).map(({ from, typesOnly, line }) => [from, typesOnly, line])).toEqual([
      ['./a.ts', false, 1],
      ['node:fs', false, 2],
      ['./d.ts', false, 4],
      ['../e.ts', false, 5],
      ['./x.ts', false, 6],
      ['./f.ts', true, 7],
      ['./g.ts', false, 8],
      ['./h.ts', true, 9],
    ])
  })

  test('finds a cycle, and sorts the other packages into layers', () => {
    const straight = new Map([
      ['a', []],
      ['b', ['a']],
      ['c', ['a', 'b']],
    ])
    expect(cycleIn(straight)).toBeUndefined()
    expect(layersOf(straight)).toEqual({ layers: [['a'], ['b'], ['c']], rest: [] })
    const round = new Map([...straight, ['a', ['c']]])
    expect(cycleIn(round)).toEqual(['a', 'c', 'a'])
    expect(cycleIn(new Map([...straight, ['d', ['e']], ['e', ['d']], ['f', ['e']]]))).toEqual(['d', 'e', 'd'])
  })

  test('the list of packages is not empty, and names are unique', () => {
    expect(new Set(packages.map(({ name }) => name)).size).toBe(packages.length)
    expect(packages.length).toBeGreaterThan(10)
    expect(uses.length).toBeGreaterThan(100)
    expect(read('package.json')).toContain('"workspaces"')
  })
})
