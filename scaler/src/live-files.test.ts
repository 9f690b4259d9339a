/** Files that change while the scaler runs. */
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
  if ('problems' in first) throw new Error(first.problems.join())
  reread = liveFiles(paths, first, (line) => said.push(line))
})

afterEach(() => rm(folder, { recursive: true }))

/** As an editor does it: another file under the same name. */
async function edit(path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  expect(text).toMatch(from)
  await writeFile(`${path}.new`, text.replace(from, to))
  await rename(`${path}.new`, path)
}

test('unchanged files are taken without a word', async () => {
  expect(await reread()).toMatchObject({ hpa: { name: 'ws', minReplicas: 2 } })
  expect(said).toEqual([])
})

test('changed files are taken, and said once', async () => {
  await edit(paths.hpa, 'minReplicas: 2', 'minReplicas: 3')
  await edit(paths.metricMap, 'max_over_time(up', 'min_over_time(up')
  const now = await reread()
  expect(now.hpa.minReplicas).toBe(3)
  expect(now.map.recorded.replicas).toContain('min_over_time')
  expect(now).not.toHaveProperty('refused')
  await reread()
  expect(said).toEqual([`${paths.hpa} has changed: it counts from now on`, `${paths.metricMap} has changed: it counts from now on`])
})

test.each<[string, () => Promise<void>, RegExp]>([
  ['a value that is not allowed', () => edit(paths.hpa, 'minReplicas: 2', 'minReplicas: 20'), /hpa\.yaml:\d+:\d+: spec\.maxReplicas/],
  ['no YAML', () => writeFile(paths.hpa, 'a: ['), /hpa\.yaml:1:/],
  [
    'another autoscaler',
    () => edit(paths.hpa, 'name: ws', 'name: web'),
    /metadata\.name: web; a scaler that runs stays with ws: restart it/,
  ],
  ['a target it cannot scale', () => edit(paths.hpa, /name: ws\n {2}# Two/, 'name: web\n  # Two'), /the service that can be scaled is ws/],
  ['a mapping file with a strange field', () => edit(paths.metricMap, 'draining:', 'drain:'), /metrics\.yaml: /],
  ['no file at all', () => rm(paths.hpa), /hpa\.yaml: cannot be read: ENOENT/],
])('%s is refused in one line, said once, and what was there holds until it is mended', async (_what, spoil, why) => {
  const good = await readFile(paths.hpa)
  const goodMap = await readFile(paths.metricMap)
  await spoil()
  for (let i = 0; i < 3; i += 1) {
    const now = await reread()
    expect(now.refused).toMatch(why)
    expect(now.refused).not.toContain('\n')
    expect(now.hpa).toMatchObject({ name: 'ws', minReplicas: 2 })
  }
  expect(said).toEqual([expect.stringMatching(/^not taken, the settings from before hold: /)])
  await writeFile(paths.hpa, good)
  await writeFile(paths.metricMap, goodMap)
  expect(await reread()).not.toHaveProperty('refused')
  expect(said).toHaveLength(2)
})
