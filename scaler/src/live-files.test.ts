/** Tests how the scaler reads files that change while it is running. */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LivePaths, liveFiles, type Reread, readLiveFiles } from './live-files.ts'

let folder = ''
let paths: LivePaths
let said: string[] = []
let reread: () => Promise<Reread>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scaler-live-'))
  paths = { hpa: join(folder, 'hpa.yaml'), metricMap: join(folder, 'metrics.yaml') }
  await writeFile(paths.hpa, await readFile('scaler/hpa.yaml'))
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
  expect(await reread()).toMatchObject({ hpa: { name: 'ws', minReplicas: 2 } })
  expect(said).toEqual([])
})

test('changed files are used, and reported once', async () => {
  await edit(paths.hpa, 'minReplicas: 2', 'minReplicas: 3')
  await edit(paths.metricMap, 'max_over_time(up', 'min_over_time(up')
  const now = await reread()
  expect(now.hpa.minReplicas).toBe(3)
  expect(now.map.recorded.replicas).toContain('min_over_time')
  expect(now).not.toHaveProperty('refused')
  await reread()
  expect(said).toEqual([`${paths.hpa} has changed and is used from now on`, `${paths.metricMap} has changed and is used from now on`])
})

test.each<[string, () => Promise<void>, RegExp]>([
  ['a value that is not allowed', () => edit(paths.hpa, 'minReplicas: 2', 'minReplicas: 20'), /hpa\.yaml:\d+:\d+: spec\.maxReplicas/],
  ['a file that is not YAML', () => writeFile(paths.hpa, 'a: ['), /hpa\.yaml:1:/],
  ['another autoscaler', () => edit(paths.hpa, 'name: ws', 'name: web'), /metadata\.name: web; the running scaler uses ws; restart it/],
  ['a scale target other than ws', () => edit(paths.hpa, /name: ws\n {2}# /, 'name: web\n  # '), /only the service ws can be scaled/],
  ['a mapping file with an unknown field', () => edit(paths.metricMap, 'draining:', 'drain:'), /metrics\.yaml: /],
  ['a missing file', () => rm(paths.hpa), /hpa\.yaml: cannot be read: ENOENT/],
])('%s is refused with one line, reported once, and the previous files stay in use until it is corrected', async (_what, spoil, why) => {
  const good = await readFile(paths.hpa)
  const goodMap = await readFile(paths.metricMap)
  await spoil()
  for (let i = 0; i < 3; i += 1) {
    const now = await reread()
    expect(now.refused).toMatch(why)
    expect(now.refused).not.toContain('\n')
    expect(now.hpa).toMatchObject({ name: 'ws', minReplicas: 2 })
  }
  expect(said).toEqual([expect.stringMatching(/^the changed files are refused, and the previous settings stay in use: /)])
  await writeFile(paths.hpa, good)
  await writeFile(paths.metricMap, goodMap)
  expect(await reread()).not.toHaveProperty('refused')
  expect(said).toHaveLength(2)
})
