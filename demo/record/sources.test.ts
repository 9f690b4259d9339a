import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metrics } from '../../contract/src/metrics.ts'
import { readChecks } from './numbers.ts'
import { keepReading, replicasSource } from './sources.ts'

/** Replicas as they write their metrics: one of them leaves. */
const scrapes: Record<string, string> = {
  '/1': `${metrics.connectionsActive.name} 70\n${metrics.replicaState.name}{state="ready"} 1\n`,
  '/2': `${metrics.connectionsActive.name} 30\n${metrics.replicaState.name}{state="ready"} 1\n`,
  '/3': `${metrics.connectionsActive.name} 9\n${metrics.replicaState.name}{state="ready"} 0\n${metrics.replicaState.name}{state="draining"} 1\n`,
}
let folder: string
let base: string
const server = createServer((request, response) => {
  const urls = [...Object.keys(scrapes).map((path) => base + path), null]
  response.end(
    request.url === '/api/state' ? JSON.stringify({ replicas: urls.map((metricsUrl) => ({ metricsUrl })) }) : scrapes[request.url ?? ''],
  )
})

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'readings-'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true, force: true })
})

test('sums sockets over all replicas; who leaves is neither the fullest nor the emptiest', async () => {
  expect((await replicasSource(base)()).values).toEqual({ sockets: 109, replicas: 2, fullest: 70, emptiest: 30 })
})

test('reads again and again until it is ended', async () => {
  const file = join(folder, 'numbers.jsonl')
  const reading = keepReading(replicasSource(base), file, () => undefined)
  await expect.poll(async () => readChecks(await readFile(file, 'utf8').catch(() => '')).length, { timeout: 10_000 }).toBeGreaterThan(2)
  await reading.end()
  const kept = async () => readChecks(await readFile(file, 'utf8')).length
  const before = await kept()
  await reading.now()
  expect(await kept()).toBe(before + 1)
})

test('says why a source does not answer, once, and asks again', async () => {
  const file = join(folder, 'silent.jsonl')
  const said: string[] = []
  let answers = false
  let asked = 0
  const source = async () => {
    asked++
    if (!answers) throw new Error('nobody there')
    return { at: 1, source: 'a test', values: {} }
  }
  const reading = keepReading(source, file, (line) => void said.push(line))
  await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(2)
  expect(said).toEqual(['the numbers cannot be read from their source: nobody there'])
  answers = true
  await expect.poll(async () => readFile(file, 'utf8').catch(() => ''), { timeout: 10_000 }).toContain('a test')
  await reading.end()
})
