/**
 * Checks that each shared task has only one implementation: using Docker, scaling, querying Prometheus, waiting, reading .env, and
 * generating random numbers.
 */
import { describe, expect, test } from 'vitest'
import { lineAt, literalsIn, modules, type Node, parse, treeOf, walk } from './lib/modules.ts'
import { read } from './lib/repo-files.ts'

/** Returns the line numbers at which a module implements a shared task. */
type Find = (tree: Node, text: string) => number[]

interface Job {
  what: string
  /** The only modules that may contain code that `find` detects. */
  where: readonly string[]
  find: Find
  /** A pattern that saves time: only modules whose text matches it are parsed. */
  hint: RegExp
  /** A code example that implements the shared task, and a code example that does not. */
  is: string
  isNot: string
}

const callee = (node: Node) => {
  const { type, name, property } = node.callee as Node & { name?: string; property?: { name?: string } }
  return type === 'Identifier' ? name : property?.name
}
const starts = (found: (node: Node, text: string) => boolean): Find => {
  return (tree, text) => {
    const lines: number[] = []
    walk(tree, (node) => {
      if (found(node, text)) lines.push(lineAt(text, node.start))
    })
    return lines
  }
}
const spells = (pattern: RegExp): Find => {
  return (tree, text) =>
    literalsIn(tree)
      .filter(({ value }) => pattern.test(value))
      .map(({ start }) => lineAt(text, start))
}

const jobs: readonly Job[] = [
  {
    what: 'starts docker',
    where: ['labs/host/docker.ts'],
    find: starts((node) => {
      if (node.type !== 'CallExpression') return false
      const program = (node.arguments as Node[])[0]?.value
      return program === 'docker' && /^(execa(Sync)?|spawn(Sync)?|exec(File)?(Sync)?|run)$/.test(callee(node) ?? '')
    }),
    hint: /['"]docker['"]/,
    is: "execa('docker', args); spawnSync('docker')",
    isNot: "const service = 'docker'; show('docker')",
  },
  {
    what: 'queries Prometheus',
    // 07-foreign-pages.test.ts is exempt, because it must send raw requests to Prometheus, as a foreign web page would.
    where: ['labs/host/prometheus.ts', 'tests/stack/07-foreign-pages.test.ts'],
    // The pattern excludes paths of Loki's API, which resemble those of Prometheus' API.
    find: spells(/(?<!loki\/)api\/v1\/(\$|query|targets|series|labels|rules|alertmanagers|status)|^api\/v1\/$/),
    hint: /api\/v1\//,
    is: 'fetch(`$' + '{url}/api/v1/query?x`); new URL(`api/v1/$' + '{path}`)',
    isNot: "fetch('/loki/api/v1/query_range'); fetch('/api/v1/info')",
  },
  {
    what: 'scales a service of Compose',
    where: ['labs/host/compose.ts'],
    find: starts((node) => node.type === 'Literal' && node.value === '--no-recreate'),
    hint: /--no-recreate/,
    is: "['up', '--no-recreate']",
    isNot: "'docker compose up --no-recreate' // '--no-recreate'",
  },
  {
    what: 'waits for a condition in a loop',
    where: ['labs/host/until.ts'],
    find: (tree, text) => [
      ...starts((node) => node.type === 'FunctionDeclaration' && (node.id as { name?: string } | null)?.name === 'until')(tree, text),
      ...starts((node) => {
        const [id, init] = [node.id as { name?: string } | undefined, node.init as Node | null | undefined]
        return node.type === 'VariableDeclarator' && id?.name === 'until' && init?.type === 'ArrowFunctionExpression'
      })(tree, text),
    ],
    hint: /(function|const) until\b/,
    is: 'async function until() {}\nconst until = () => 1',
    isNot: 'const until = 5; until(1)',
  },
  {
    what: 'reads .env',
    where: ['labs/host/env-file.ts'],
    find: starts((node) => node.type === 'CallExpression' && ['parseEnv', 'loadEnvFile'].includes(callee(node) ?? '') && isOfNode(node)),
    hint: /parseEnv|loadEnvFile/,
    is: 'parseEnv(text); process.loadEnvFile()',
    isNot: 'loadEnvFile()',
  },
  {
    what: 'generates seeded random numbers',
    where: ['contract/src/random.ts'],
    find: starts((node, text) => node.type === 'Literal' && /^0x(6d2b79f5|9e3779b1)$/i.test(text.slice(node.start, node.end))),
    hint: /0x6d2b79f5|0x9e3779b1/i,
    is: 'state + 0x6D2B79F5',
    isNot: '0x6d',
  },
]

/** Tests that may implement a shared task themselves, because they test the module that implements it. */
const ofMechanisms = /^(labs\/host\/[\w-]+\.test\.ts|scaler\/src\/adapters\/adapters\.test\.ts|tests\/repo\/one-mechanism\.test\.ts)$/

/** Whether a call uses Node's own functions, such as `process.loadEnvFile`, rather than the lab's `loadEnvFile`. */
function isOfNode(node: Node): boolean {
  return (node.callee as Node).type === 'MemberExpression' || callee(node) === 'parseEnv'
}

const others = modules.filter((file) => !ofMechanisms.test(file))

test.each(jobs)('only the allowed modules contain code that $what', ({ where, find, hint }) => {
  const suspects = others.filter((file) => hint.test(read(file)))
  const found = suspects.flatMap((file) => find(treeOf(file), read(file)).map((line) => ({ file, line })))
  expect(found.filter(({ file }) => !where.includes(file)).map(({ file, line }) => `${file}:${line}`)).toEqual([])
  expect(where.filter((file) => !found.some((one) => one.file === file))).toEqual([])
})

test('no literal spreads an object literal, which only prevents the formatter from breaking lines', () => {
  const spread = starts((node) => node.type === 'SpreadElement' && (node.argument as Node).type === 'ObjectExpression')
  expect(spread(parse('const a = { b: 1, ...{ c, d } }'), '')).toHaveLength(1)
  expect(spread(parse('const a = { ...b, ...(c && { d }), ...{ a }[b] }'), '')).toEqual([])
  const suspects = modules.filter((file) => /\.\.\.\s*\{/.test(read(file)))
  expect(suspects.flatMap((file) => spread(treeOf(file), read(file)).map((line) => `${file}:${line}`))).toEqual([])
})

describe('the check itself', () => {
  test.each(jobs)('finds code that $what', ({ find, hint, is, isNot }) => {
    expect(is).toMatch(hint)
    expect(find(parse(is), is).length).toBeGreaterThan(0)
    expect(find(parse(isNot), isNot)).toEqual([])
  })
})
