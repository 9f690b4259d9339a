/** Which way dependencies point, and which files must stay free of clocks, processes and sockets. */
import { describe, expect, test } from 'vitest'
import { codeIn, codeOf, type Import, importsOf, parseImports } from './lib/modules.ts'
import { repoFiles } from './lib/repo-files.ts'

const sources = repoFiles(
  (path) =>
    /^(contract|client|services|scaler|alert-receiver|k6|grafana|scripts|prove|chaos|cli|embedded|demo)\/.*\.ts$/.test(path) &&
    !/\.(test|d)\.ts$/.test(path),
)
const within = (folder: string) => sources.filter((path) => path.startsWith(folder))

/** Files that get time, chance, settings and data as arguments. */
const pureFiles = [
  ...['protocol', 'rooms', 'drain', 'sessions', 'limits', 'heartbeat', 'config', 'rebalance'].map((name) => `services/ws/src/${name}.ts`),
  ...['sampling', 'traceparent', 'tracer'].map((name) => `services/ws/src/telemetry/${name}.ts`),
  ...within('scaler/src/core/'),
  ...['backoff', 'conversation', 'link', 'machine', 'report', 'requests', 'rooms', 'wire'].map((name) => `client/src/${name}.ts`),
  ...within('prove/core/'),
  ...within('prove/report/'),
  ...within('chaos/core/'),
  ...within('demo/core/'),
  ...within('demo/scenes/'),
  ...['ass', 'captions', 'claims', 'film', 'numbers', 'timeline', 'transcript', 'vtt'].map((name) => `demo/record/${name}.ts`),
  ...within('scripts/generate/diagrams/'),
  ...['exposition', 'load-messages', 'pool', 'readings', 'snapshot', 'words'].map((name) => `embedded/src/${name}.ts`),
  ...['compose', 'images', 'mask', 'places', 'status'].map((name) => `cli/src/${name}.ts`),
  ...['checkout', 'engine', 'finding', 'findings', 'ports'].map((name) => `cli/src/doctor/${name}.ts`),
  ...within('cli/src/workshop/').filter((path) => !/\/(gather|sample-facts)\.ts$/.test(path)),
]

/** What reaches out of a pure file. */
const outside: Record<string, RegExp> = {
  'the clock': /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/,
  timers: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
  'the process': /\bprocess\.\w+/,
  'the network': /\bfetch\s*\(|\bnew WebSocket\b/,
  chance: /\bMath\.random\b|\brandomUUID\b/,
  'the console': /\bconsole\.\w+/,
}

test('there are sources to check', () => {
  expect(within('contract/').length).toBeGreaterThan(3)
  expect(pureFiles.filter((file) => sources.includes(file)).length).toBeGreaterThan(5)
})

describe('contract/', () => {
  test.each(within('contract/'))('%s imports nothing but the contract, by relative path', (file) => {
    expect(importsOf(file).filter(({ from, path }) => !from.startsWith('./') || !path?.startsWith('contract/src/'))).toEqual([])
  })

  test.each(within('contract/'))('%s reads no clock, environment or chance', (file) => {
    expect(reachesFor(codeOf(file))).toEqual([])
  })
})

describe('pure files', () => {
  test.each(pureFiles.filter((file) => sources.includes(file)))('%s reach for nothing outside', (file) => {
    expect(reachesFor(codeOf(file))).toEqual([])
    expect(importsOf(file).filter(reachesOut)).toEqual([])
  })

  test.each(within('scaler/src/core/'))('%s imports types alone from outside the core', (file) => {
    expect(importsOf(file).filter(({ path, typesOnly }) => !typesOnly && !path?.startsWith('scaler/src/core/'))).toEqual([])
  })
})

describe('dependencies point inwards', () => {
  test.each(sources.filter((file) => !file.endsWith('/main.ts')))('%s does not import a main.ts', (file) => {
    expect(importsOf(file).filter(({ path }) => path?.endsWith('/main.ts'))).toEqual([])
  })

  test.each([
    ['client/', /^(contract|client)\//],
    // The page's script is a user of the client.
    ['services/', /^(contract|client|services)\//],
    ['scaler/', /^(contract|scaler)\//],
    ['alert-receiver/', /^(contract|alert-receiver)\//],
    ['k6/', /^(contract|client|prove|k6)\//],
    ['grafana/', /^(contract|grafana)\//],
    // What commands take is what others read: scenarios, lengths of time, which settings are secret. The workshop's checks play the scaler's log.
    [
      'cli/',
      /^(contract|chaos|cli|scaler\/src\/(core|replay|sim|spec))\/|^(k6\/lib\/scenarios|scaler\/src\/(commands\/options|decision-log|env-file|read-records|record)|services\/ws\/src\/config)\.ts$/,
    ],
    // What plays scenes comes after everything that they are played with; nobody needs it in turn.
    ['demo/core/', /^(contract|scaler|chaos\/core|demo\/core)\//],
    ['demo/scenes/', /^(contract|demo\/(core|scenes))\//],
    ['prove/core/', /^(contract\/|prove\/core\/|k6\/lib\/random\.ts$|prove\/options\.ts$)/],
    // Types of the decision log.
    ['prove/report/', /^(contract\/|prove\/(core|report)\/|prove\/options\.ts$|scaler\/src\/record\.ts$)/],
  ])('%s uses only itself and the contract', (folder, allowed) => {
    const strangers = within(folder).flatMap((file) =>
      importsOf(file)
        .filter(({ path }) => path !== undefined && !allowed.test(path))
        .map(({ from }) => `${file} imports ${from}`),
    )
    expect(strangers).toEqual([])
  })
})

describe('the check itself', () => {
  const imports = (text: string) => parseImports('contract/src/x.ts', text)

  test('sees every way to import', () => {
    const text = `import a from './a.ts'
import { b,
  c } from "node:fs"
import './d.ts'
export * from '../e.ts'
import type { F } from './f.ts'
const g = await import('./g.ts')
// import h from './h.ts'`
    expect(imports(text).map(({ from, typesOnly }) => [from, typesOnly])).toEqual([
      ['./a.ts', false],
      ['node:fs', false],
      ['./d.ts', false],
      ['../e.ts', false],
      ['./f.ts', true],
      ['./g.ts', false],
    ])
  })

  test('sees a clock, a timer, the environment and a request, but not the words for them', () => {
    expect(reachesFor('const now = Date.now()')).toEqual(['the clock'])
    expect(reachesFor('setTimeout(done, 5)')).toEqual(['timers'])
    expect(reachesFor('const port = process.env.PORT')).toEqual(['the process'])
    expect(reachesFor("await fetch('http://x')")).toEqual(['the network'])
    expect(reachesFor("// Date.now() is not used\nconst text = 'process.env'")).toEqual([])
    expect(reachesOut({ from: 'node:fs', path: undefined, typesOnly: false })).toBe(true)
  })
})

function reachesFor(text: string): string[] {
  const code = codeIn(text)
  return Object.entries(outside).flatMap(([what, pattern]) => (pattern.test(code) ? [what] : []))
}

/** Whether an import brings more than pure code. */
function reachesOut({ from, typesOnly }: Import): boolean {
  return (
    !typesOnly &&
    (from.startsWith('node:') || ['ws', 'pino', 'prom-client', 'execa'].includes(from) || /^@(hono|opentelemetry)\//.test(from))
  )
}
