/**
 * Builds the package in a folder: `node tools/hpa-engine/build.ts [FOLDER]`. The package has one JavaScript module, the types of every
 * module in it, and no dependency on the rest of the repository.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { root } from '@lab/host/root.ts'
import { build } from 'rolldown'

interface Manifest {
  name: string
  version: string
  description: string
  license: string
  keywords: string[]
  dependencies: Record<string, string>
  exports: Record<string, string>
}

const here = import.meta.dirname
const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
/** The dependencies that remain imports in the built module. */
const external = ['yaml', 'zod']

/** Writes the package to an empty or absent folder. */
export async function buildPackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await build({
    input: join(here, 'index.ts'),
    external,
    platform: 'neutral',
    logLevel: 'warn',
    output: { file: join(folder, 'index.js'), format: 'esm' },
  })
  writeTypes(join(folder, 'types'))
  const { name, version, description, license, keywords } = manifestOf(here)
  const { dependencies } = manifestOf(join(root, 'scaler'))
  const manifest = {
    name,
    version,
    description,
    license,
    keywords,
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20' },
    exports: { '.': { types: './types/tools/hpa-engine/index.d.ts', default: './index.js' } },
    dependencies: Object.fromEntries(Object.entries(dependencies).filter(([one]) => external.includes(one))),
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  copyFileSync(join(here, 'README.md'), join(folder, 'README.md'))
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
}

/** Writes the type declarations of all modules, in folders as in the repository, with relative imports between them. */
function writeTypes(folder: string): void {
  const options = ['--declaration', '--emitDeclarationOnly', '--noEmit', 'false', '--outDir', folder, '--rootDir', root]
  const settings = ['--target', 'es2024', '--lib', 'es2024', '--module', 'nodenext', '--types', 'node', '--strict', '--skipLibCheck']
  const more = ['--allowImportingTsExtensions', '--exactOptionalPropertyTypes', '--ignoreConfig']
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [compiler, ...options, ...settings, ...more, ...reachable(join(here, 'index.ts'))], {
    cwd: root,
    stdio: 'inherit',
  })
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.d.ts'))) {
    const file = join(folder, name)
    const text = readFileSync(file, 'utf8').replaceAll(/(['"])((?:\.|@lab\/)[^'"\n]*)\.ts\1/g, (_all, quote: string, from: string) => {
      const path = from.startsWith('@lab/') ? pathBetween(name, repositoryPath(`${from}.ts`)) : from
      return `${quote}${path.replace(/\.ts$/, '')}.js${quote}`
    })
    writeFileSync(file, text)
  }
}

/** Returns a module and all modules of this repository that it imports, directly or indirectly. */
function reachable(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const [, , from = ''] of readFileSync(file, 'utf8').matchAll(/\bfrom (['"])((?:\.|@lab\/)[^'"\n]*)\1/g)) {
    reachable(from.startsWith('@lab/') ? join(root, repositoryPath(from)) : join(dirname(file), from), found)
  }
  return found
}

/** Returns the path, relative to the repository root, of a module that is imported by the name of its package. */
function repositoryPath(from: string): string {
  const [scope = '', name = ''] = from.split('/')
  const folder = realpathSync(join(root, 'node_modules', scope, name))
  const key = `.${from.slice(`${scope}/${name}`.length)}`
  const { exports } = manifestOf(folder)
  const [pattern, file] =
    Object.entries(exports).find(([one]) => one === key || (one.endsWith('*') && key.startsWith(one.slice(0, -1)))) ?? []
  if (pattern === undefined || file === undefined) throw new Error(`${from} is not exported`)
  return relative(root, join(folder, file.replace('*', key.slice(pattern.length - 1))))
}

function pathBetween(from: string, to: string): string {
  const path = relative(dirname(from), to)
  return path.startsWith('.') ? path : `./${path}`
}

if (import.meta.main) await buildPackage(resolve(process.argv[2] ?? join(root, 'reports/hpa-engine')))
