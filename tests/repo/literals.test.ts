/** Checks that code uses the constants in contract/ for shared names instead of literals. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { containerMetrics } from '@lab/contract/container-metrics.ts'
import { embeddedPaths } from '@lab/contract/embedded-api.ts'
import {
  connectionIdHeader,
  livePaths,
  paths,
  receiverPaths,
  refusedHeader,
  replicaHeader,
  requestIdHeader,
  scalerPaths,
  stickyCookie,
} from '@lab/contract/endpoints.ts'
import { kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { type LoadMetricSpec, loadMetrics, prometheusName, trendStats } from '@lab/contract/load-metrics.ts'
import { clientMessageTypes, serverMessageTypes } from '@lab/contract/messages.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { receiverMetrics } from '@lab/contract/receiver-metrics.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { describe, expect, test } from 'vitest'
import { importsOf, isTest, lineAt, literalsIn, modules, type Node, parse, treeOf, walk } from './lib/modules.ts'
import { read } from './lib/repo-files.ts'

/** A pattern that finds a shared name in a literal, and the constant to use instead. */
interface Name {
  pattern: RegExp
  use: string
}

const word = (name: string, suffix = '') => new RegExp(`(?<![\\w./-])${escaped(name)}${suffix}(?![\\w-])`, 'i')
const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

const metricNames: Name[] = [
  ...Object.entries({ metrics, receiverMetrics, liveMetrics, scalerMetrics, kubeStateMetrics, containerMetrics }).flatMap(([of, group]) =>
    Object.entries(group).map(([key, { name }]) => ({ pattern: word(name, '(?:_bucket|_sum|_count)?'), use: `${of}.${key}.name` })),
  ),
  // The metric name `up` is also an English word. `up` counts as a metric only before a selector or a comparison.
  ...Object.entries(standardMetrics).map(([key, name]) => ({
    pattern: name === standardMetrics.up ? /(?<![\w./-])up(?=[{[]| ?[=!<>]=? ?\d)/ : word(name),
    use: `standardMetrics.${key}`,
  })),
  ...Object.entries({ loadMetrics }).flatMap(([of, group]) =>
    Object.entries<LoadMetricSpec>(group).flatMap(([key, spec]) => [
      { pattern: word(spec.name), use: `${of}.${key}.name` },
      ...(spec.kind === 'trend' ? trendStats.map((stat) => prometheusName(spec, stat)) : [prometheusName(spec)]).map((name) => ({
        pattern: word(name),
        use: `prometheusName(${of}.${key})`,
      })),
    ]),
  ),
]

/** Patterns that find paths at the start of a string, after a host, or after an interpolated value. */
const pathNames: Name[] = Object.entries({ paths, receiverPaths, scalerPaths, livePaths, embeddedPaths }).flatMap(([of, group]) =>
  Object.entries(group)
    .filter(([, path]) => path !== '/')
    .map(([key, path]) => {
      const fixed = escaped(path.replace(/[:*].*/, ''))
      return {
        pattern: new RegExp(`^(?:https?://[^/]*)?${fixed}${path.includes(':') || path.includes('*') ? '' : '(?![\\w/-])'}`),
        use: `${of}.${key}`,
      }
    }),
)

const headerNames: Name[] = [
  ...Object.entries({ replicaHeader, refusedHeader, requestIdHeader, connectionIdHeader }).map(([use, name]) => ({
    pattern: word(name),
    use,
  })),
  { pattern: word(stickyCookie), use: 'stickyCookie' },
]

const codes = new Map<number, string>(Object.entries(closeCodes).map(([cause, { code }]) => [code, `closeCodes.${cause}.code`]))

/** Message types that contain an underscore. Message types without an underscore are ordinary English words, so they are not checked. */
const messageTypes = [...clientMessageTypes, ...serverMessageTypes].filter((type) => type.includes('_'))

/** Files that may contain shared names as literals, each with a reason. */
const exceptions: readonly { file: RegExp; name: RegExp; why: string }[] = [
  { file: /\/sample-[\w-]+\.ts$/, name: /./, why: 'answers as they were recorded, for tests' },
]

const checked = modules.filter((file) => !isTest(file) && !file.startsWith('contract/'))

/** A literal that contains a shared name, and the constant to use instead. */
interface Found {
  start: number
  use: string
}

const names = [...metricNames, ...pathNames, ...headerNames]
const any = new RegExp(names.map(({ pattern }) => pattern.source).join('|'), 'i')
/** The path patterns without the ^ anchor, so that they can match anywhere in a module's text. */
const anywhere = new RegExp(names.map(({ pattern }) => pattern.source.replace(/^\^/, '')).join('|'), 'i')

function namesIn(tree: Node): Found[] {
  const suspects = literalsIn(tree).filter(({ value }) => any.test(value))
  return suspects.flatMap(({ value, start }) => names.filter(({ pattern }) => pattern.test(value)).map(({ use }) => ({ start, use })))
}

/**
 * Finds numeric close codes: as an argument of close(), next to a variable or property whose name ends in "code", and in a string that
 * contains a call to close().
 */
function codesIn(text: string, tree: Node = parse(text)): Found[] {
  const found: Found[] = []
  const source = (node: Node | undefined) => (node === undefined ? '' : text.slice(node.start, node.end))
  const add = (value: unknown, start: number) => {
    const use = codes.get(Number(value))
    if (use !== undefined) found.push({ start, use })
  }
  walk(tree, (node) => {
    const sides = [node.left, node.right] as (Node | undefined)[]
    const first = (node.arguments as Node[] | undefined)?.[0]
    if (node.type === 'CallExpression' && /\bclose$/i.test(source(node.callee as Node))) add(first?.value, node.start)
    if (node.type === 'BinaryExpression' && sides.some((side) => /code$/i.test(source(side))))
      for (const side of sides) add(side?.value, node.start)
    if (node.type === 'Property' && /code$/i.test(source(node.key as Node))) add((node.value as Node).value, node.start)
  })
  for (const { value, start } of literalsIn(tree)) add(/\bclose\((\d{4})/.exec(value)?.[1], start)
  return found
}

/** @param hint a pattern that saves time: only modules whose text matches it are parsed */
function listed(hint: RegExp, find: (file: string) => readonly Found[]): string[] {
  return checked
    .filter((file) => hint.test(read(file)))
    .flatMap((file) =>
      find(file)
        .filter(({ use }) => !exceptions.some((one) => one.file.test(file) && one.name.test(use)))
        .map(({ start, use }) => `${file}:${lineAt(read(file), start)}: use ${use}`),
    )
}

test('no literal contains a metric, path, header or cookie of the contract', () => {
  expect(listed(anywhere, (file) => namesIn(treeOf(file)))).toEqual([])
})

test('no close code is written as a number', () => {
  expect(listed(/\b(10\d\d|4\d{3})\b/, (file) => codesIn(read(file), treeOf(file)))).toEqual([])
})

test('literals with message types are only in modules where the compiler checks them', () => {
  const spelled = checked
    .filter((file) => messageTypes.some((type) => read(file).includes(type)) && !isTyped(file))
    .flatMap((file) =>
      literalsIn(treeOf(file))
        .filter(({ value }) => messageTypes.some((type) => word(type).test(value)))
        .map(({ start, value }) => `${file}:${lineAt(read(file), start)}: ${value}: no type of contract/src/messages.ts checks it`),
    )
  expect(spelled).toEqual([])
})

/** Whether a module imports the message types, either directly or through a module that it imports by a relative path. */
function isTyped(file: string, alsoBeside = true): boolean {
  return importsOf(file).some(
    ({ from, path }) =>
      /\/(messages|protocol)\.ts$/.test(from) || (alsoBeside && path !== undefined && modules.includes(path) && isTyped(path, false)),
  )
}

describe('the check itself', () => {
  const uses = (text: string) => namesIn(parse(text)).map(({ use }) => use)
  const useOfCodes = (text: string) => codesIn(text).map(({ use }) => use)

  test('finds names in strings and templates, and not as parts of others', () => {
    expect(uses("count('websocket_connections_active')")).toEqual(['metrics.connectionsActive.name'])
    expect(uses('`rate(websocket_message_latency_seconds_bucket{job="ws"}[1m])`')).toEqual(['metrics.messageLatency.name'])
    expect(uses("'my_websocket_connections_active_now'")).toEqual([])
    expect(uses('\'up\'; `up{job="ws"}`')).toEqual(['standardMetrics.up'])
    expect(uses('fetch(`$' + "{entry}/health`); fetch('http://localhost:8000/health')")).toEqual(['paths.health', 'paths.health'])
    expect(uses("'./health'; '/healthy'; 'services/ws'")).toEqual([])
    expect(uses("headers['X-Replica']; 'lab_replica=x'")).toEqual(['replicaHeader', 'stickyCookie'])
    expect(uses('// websocket_connections_active')).toEqual([])
  })

  test('finds numbers that are close codes, and ignores others', () => {
    expect(useOfCodes('socket.close(1012); socket?.close(1000)')).toEqual(['closeCodes.draining.code', 'closeCodes.normal.code'])
    expect(useOfCodes('code === 1006; const x = { closeCode: 1001 }')).toEqual(['closeCodes.abnormal.code', 'closeCodes.going_away.code'])
    expect(useOfCodes("run('ws.close(1012)')")).toEqual(['closeCodes.draining.code'])
    expect(useOfCodes('sleep(1000); const bytes = 1006; socket.close(); socket.close(code)')).toEqual([])
  })

  test('the list of checked modules is not empty', () => {
    expect(checked.length).toBeGreaterThan(200)
    expect(exceptions.filter(({ file }) => !checked.some((path) => file.test(path)))).toEqual([])
  })
})
