/** Tests how the scaler reads files that change while it is running. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type LiveFiles, type LivePaths, liveFiles, pathsIn, readLiveFiles } from './live-files.ts'

let folder = ''
let paths: LivePaths
let hpaFile = ''
let said: string[] = []
let reread: () => Promise<LiveFiles>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scaler-live-'))
  hpaFile = join(folder, 'hpa.yaml')
  paths = { hpa: [hpaFile], metricMap: join(folder, 'metrics.yaml') }
  await writeFile(hpaFile, await readFile('scaler/hpa.yaml'))
  await writeFile(paths.metricMap, await readFile('scaler/metrics.yaml'))
  said = []
  const first = await readLiveFiles(paths)
  if (!first.ok) throw new Error(first.problems.join())
  reread = liveFiles(paths, first.value, (line) => said.push(line))
})

afterEach(() => rm(folder, { recursive: true }))

/** Replaces a file with another file of the same name, as an editor does when it saves. */
async function edit(path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  expect(text).toMatch(from)
  await writeFile(`${path}.new`, text.replace(from, to))
  await rename(`${path}.new`, path)
}

test('unchanged files are read without a message', async () => {
  expect(await reread()).toMatchObject({ autoscalers: [{ hpa: { name: 'ws', minReplicas: 2 }, sharing: [] }], problems: [], hints: [] })
  expect(said).toEqual([])
})

test('changed files are used, and reported once', async () => {
  await edit(hpaFile, 'minReplicas: 2', 'minReplicas: 3')
  await edit(paths.metricMap, 'max_over_time(up', 'min_over_time(up')
  const now = await reread()
  expect(now.autoscalers.map(({ hpa }) => hpa.minReplicas)).toEqual([3])
  expect(now.map.recorded.replicas).toContain('min_over_time')
  expect(now.autoscalers[0]).not.toHaveProperty('refused')
  await reread()
  expect(said).toEqual([`${hpaFile} has changed and is used from now on`, `${paths.metricMap} has changed and is used from now on`])
})

test.each<[string, () => Promise<void>, RegExp]>([
  ['a value that is not allowed', () => edit(hpaFile, 'minReplicas: 2', 'minReplicas: 20'), /hpa\.yaml:\d+:\d+: spec\.maxReplicas/],
  ['a file that is not YAML', () => writeFile(hpaFile, 'a: ['), /hpa\.yaml:1:/],
  [
    'a scale target that is not a workload',
    () => edit(hpaFile, 'kind: Deployment', 'kind: Service'),
    /hpa\.yaml:\d+:11: spec\.scaleTargetRef\.kind: Service is not scaled here; allowed are Deployment, ReplicaSet/,
  ],
  ['a mapping file with an unknown field', () => edit(paths.metricMap, 'draining:', 'drain:'), /metrics\.yaml: /],
  ['a missing file', () => rm(hpaFile), /hpa\.yaml: cannot be read: ENOENT/],
])('%s is refused with one line, reported once, and the previous files stay in use until it is corrected', async (_what, spoil, why) => {
  const good = await readFile(hpaFile)
  const goodMap = await readFile(paths.metricMap)
  await spoil()
  for (let i = 0; i < 3; i += 1) {
    const [now] = (await reread()).autoscalers
    expect(now?.refused).toMatch(why)
    expect(now?.refused).not.toContain('\n')
    expect(now?.hpa).toMatchObject({ name: 'ws', minReplicas: 2 })
  }
  expect(said).toEqual([expect.stringMatching(/^the changed files are refused, and the previous settings stay in use: /)])
  await writeFile(hpaFile, good)
  await writeFile(paths.metricMap, goodMap)
  expect((await reread()).autoscalers[0]).not.toHaveProperty('refused')
  expect(said).toHaveLength(2)
})

describe('several autoscalers', () => {
  /** Returns the text of an HPA file for a service. */
  const text = (name: string, service = name, metric = 'websocket_connections_active') => `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: ${name} }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: ${service} }
  maxReplicas: 5
  metrics:
    - type: Pods
      pods: { metric: { name: ${metric} }, target: { type: AverageValue, averageValue: "10" } }
`
  const namesOf = ({ autoscalers }: LiveFiles) => autoscalers.map(({ hpa }) => hpa.name)
  let many = ''
  const readAt = async (...hpa: readonly string[]) => {
    const read = await readLiveFiles({ ...paths, hpa })
    if (!read.ok) throw new Error(read.problems.join('\n'))
    return read.value
  }

  beforeEach(async () => {
    many = join(folder, 'many')
    await mkdir(many)
  })

  test('are read from a file with several documents, a list of files, and a folder', async () => {
    await writeFile(join(many, 'two.yaml'), [text('b'), text('a')].join('---\n'))
    await writeFile(join(many, 'c.yml'), text('c'))
    await writeFile(join(many, 'notes.txt'), 'not a file with YAML')
    expect(namesOf(await readAt(join(many, 'two.yaml')))).toEqual(['a', 'b'])
    expect(namesOf(await readAt(...pathsIn(`${hpaFile}, ${join(many, 'c.yml')}`)))).toEqual(['c', 'ws'])
    const all = await readAt(many)
    expect(namesOf(all)).toEqual(['a', 'b', 'c'])
    expect(all.problems).toEqual([])
  })

  test('with the same target know each other', async () => {
    await writeFile(join(many, 'a.yaml'), [text('a', 'web'), text('b', 'web'), text('c')].join('---\n'))
    expect((await readAt(many)).autoscalers.map(({ sharing }) => sharing)).toEqual([
      ['default/a', 'default/b'],
      ['default/a', 'default/b'],
      [],
    ])
  })

  test.each<[string, () => Promise<void>, RegExp]>([
    ['a folder without files', () => mkdir(join(many, 'empty')), /empty: the folder has no file that ends with \.yaml or \.yml$/],
    [
      'two documents with one name',
      () => writeFile(join(many, 'empty'), [text('x'), text('x', 'z')].join('---\n')),
      /empty:\d+:1: a second HorizontalPodAutoscaler with the name x; the first one is at .*empty:1:1$/,
    ],
    [
      'a target that is no workload',
      () => writeFile(join(many, 'empty'), text('x').replace('Deployment', 'CronJob')),
      /empty:5:\d+: spec\.scaleTargetRef\.kind: CronJob is not scaled here/,
    ],
    [
      'a document with an error',
      () => writeFile(join(many, 'empty'), text('x').replace('maxReplicas', 'most')),
      /empty:6:3: spec\.most: unknown field/,
    ],
  ])('%s is one clear line, and the others are used', async (_what, make, line) => {
    await make()
    const read = await readAt(hpaFile, join(many, 'empty'))
    expect(namesOf(read)).toContain('ws')
    expect(read.problems.map(({ text: problem }) => problem)).toEqual([expect.stringMatching(line)])
  })

  test('a metric without a query is one clear line, and the autoscaler is used', async () => {
    await writeFile(join(many, 'a.yaml'), text('a', 'a', 'unknown_metric'))
    const { autoscalers, hints } = await readAt(many)
    expect(autoscalers).toHaveLength(1)
    expect(hints).toEqual([
      `${join(many, 'a.yaml')}: a: the mapping file has no pods metric unknown_metric; it has: websocket_connections_active, websocket_messages_per_second`,
    ])
  })

  test('get a shadow with the same target; a shadow without one is a clear line', async () => {
    const shadow = join(folder, 'shadow.yaml')
    await writeFile(shadow, [text('cautious', 'ws'), text('lonely', 'nothing')].join('---\n'))
    const read = await readLiveFiles({ ...paths, shadow: [shadow] })
    if (!read.ok) throw new Error(read.problems.join())
    expect(read.value.autoscalers.map(({ hpa, shadow: own }) => [hpa.name, own?.name])).toEqual([['ws', 'cautious']])
    expect(read.value.problems.map(({ text: line }) => line)).toEqual([
      `${shadow}: lonely: no autoscaler scales nothing, so it has no shadow`,
    ])
    const live = liveFiles({ ...paths, shadow: [shadow] }, read.value, (line) => said.push(line))
    await writeFile(shadow, 'a: [')
    expect((await live()).autoscalers[0]?.shadow?.name).toBe('cautious')
    await writeFile(shadow, text('other', 'ws'))
    expect((await live()).autoscalers[0]?.shadow?.name).toBe('other')
  })

  test('start, end and stay as the files change', async () => {
    await writeFile(join(many, 'a.yaml'), text('a'))
    await writeFile(join(many, 'b.yaml'), text('b'))
    const live = liveFiles({ ...paths, hpa: [many] }, await readAt(many), (line) => said.push(line))
    await writeFile(join(many, 'c.yaml'), text('c'))
    expect(namesOf(await live())).toEqual(['a', 'b', 'c'])
    await writeFile(join(many, 'a.yaml'), 'a: [')
    const refused = await live()
    expect(refused.autoscalers.map(({ hpa, refused: why }) => [hpa.name, why !== undefined])).toEqual([
      ['a', true],
      ['b', false],
      ['c', false],
    ])
    await rm(join(many, 'a.yaml'))
    expect(namesOf(await live())).toEqual(['b', 'c'])
    await Promise.all(['b', 'c'].map((name) => rm(join(many, `${name}.yaml`))))
    expect(namesOf(await live())).toEqual(['b', 'c'])
  })
})
