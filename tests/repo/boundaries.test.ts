/** Checks that pure files use no clocks, processes or sockets. Pure files receive time, random numbers, settings and data as arguments. */
import { describe, expect, test } from 'vitest'
import { codeIn, codeOf, type Import, importsOf, isTest, modules } from './lib/modules.ts'
import { read } from './lib/repo-files.ts'

const sources = modules.filter((path) => !isTest(path))
const within = (folder: string) => sources.filter((path) => path.startsWith(folder))

/** Pure modules that are neither in a folder of pure modules nor declared pure in their first comment. */
const alsoPure = [
  'client/src/machine.ts',
  'client/src/wire.ts',
  'services/live/src/load-messages.ts',
  'services/ws/src/drain.ts',
  'services/ws/src/sessions.ts',
]

/**
 * Whether a module must be pure: it is in a folder of pure modules, is listed in `alsoPure`, or has the word "Pure" in its first comment.
 */
function isPure(path: string): boolean {
  return /\/(core|scenes)\//.test(path) || alsoPure.includes(path) || /^\/\*\*(?:(?!\*\/)[\s\S])*\bPure(?! but)\b/.test(read(path))
}

const pureFiles = sources.filter(isPure)

/** Code patterns that a pure file must not contain, such as access to clocks or sockets. */
const outside: Record<string, RegExp> = {
  'the clock': /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/,
  timers: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
  'the process': /\bprocess\.\w+/,
  'the network': /\bfetch\s*\(|\bnew WebSocket\b/,
  chance: /\bMath\.random\b|\brandomUUID\b/,
  'the console': /\bconsole\.\w+/,
}

test('the lists of modules are not empty', () => {
  expect(within('contract/').length).toBeGreaterThan(3)
  expect(within('scaler/src/core/').length).toBeGreaterThan(10)
  expect(pureFiles.length).toBeGreaterThan(80)
  expect(alsoPure.filter((path) => !sources.includes(path))).toEqual([])
})

describe('contract/', () => {
  test.each(within('contract/'))('%s imports only the contract and zod, and reads no clock, environment or random numbers', (file) => {
    expect(importsOf(file).filter(({ from, path }) => from !== 'zod' && !path?.startsWith('contract/src/'))).toEqual([])
    expect(reachesFor(codeOf(file))).toEqual([])
  })
})

describe('pure files', () => {
  test.each(pureFiles)('%s uses no clock, process, network or console', (file) => {
    expect(reachesFor(codeOf(file))).toEqual([])
    expect(importsOf(file).filter(reachesOut)).toEqual([])
  })

  test.each(within('scaler/src/core/'))('%s imports only types from outside the core', (file) => {
    expect(importsOf(file).filter(({ path, typesOnly }) => !typesOnly && !path?.startsWith('scaler/src/core/'))).toEqual([])
  })
})

test('no module imports a main.ts', () => {
  const programs = sources.flatMap((file) =>
    importsOf(file)
      .filter(({ from }) => from.endsWith('/main.ts'))
      .map(({ from }) => `${file}: ${from}`),
  )
  expect(programs).toEqual([])
})

describe('the check itself', () => {
  test('finds uses of a clock, a timer, the environment and fetch, but ignores comments and texts', () => {
    expect(reachesFor('const now = Date.now()')).toEqual(['the clock'])
    expect(reachesFor('setTimeout(done, 5)')).toEqual(['timers'])
    expect(reachesFor('const port = process.env.PORT')).toEqual(['the process'])
    expect(reachesFor("await fetch('http://x')")).toEqual(['the network'])
    expect(reachesFor("// Date.now() is not used\nconst text = 'process.env'")).toEqual([])
    expect(reachesOut({ from: 'node:fs', path: undefined, line: 1, typesOnly: false })).toBe(true)
  })
})

function reachesFor(text: string): string[] {
  const code = codeIn(text)
  return Object.entries(outside).flatMap(([what, pattern]) => (pattern.test(code) ? [what] : []))
}

/** Whether an import may load impure code. */
function reachesOut({ from, typesOnly }: Import): boolean {
  return (
    !typesOnly &&
    ((from.startsWith('node:') && !/^node:(path|util)\b/.test(from)) ||
      ['ws', 'pino', 'prom-client', 'execa'].includes(from) ||
      /^@(hono|opentelemetry)\//.test(from))
  )
}
