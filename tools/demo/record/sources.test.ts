import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { metrics } from '@lab/contract/metrics.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readChecks } from './numbers.ts'
import { readRepeatedly, replicasSource } from './sources.ts'

/** Metrics of three replicas, the last of which is draining. */
const scrapes: Record<string, string> = {
  '/1': `${metrics.connectionsActive.name} 70\n${metrics.replicaState.name}{state="ready"} 1\n`,
  '/2': `${metrics.connectionsActive.name} 30\n${metrics.replicaState.name}{state="ready"} 1\n`,
  '/3': `${metrics.connectionsActive.name} 9\n${metrics.replicaState.name}{state="ready"} 0\n${metrics.replicaState.name}{state="draining"} 1\n`,
}
let folder: string
let base: string
const server = createServer((request, response) => void response.end(scrapes[request.url ?? '']))
const state = async () => ({ replicas: [...Object.keys(scrapes).map((path) => base + path), null].map((metricsUrl) => ({ metricsUrl })) })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'readings-'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true, force: true })
})

test('sums the sockets of all replicas, and ignores a draining replica for the fullest and the emptiest', async () => {
  expect((await replicasSource(state)()).values).toEqual({ sockets: 109, replicas: 2, fullest: 70, emptiest: 30 })
})

test('reads repeatedly until it is ended', async () => {
  const file = join(folder, 'numbers.jsonl')
  const reading = readRepeatedly(replicasSource(state), file, () => undefined)
  await expect.poll(async () => readChecks(await readFile(file, 'utf8').catch(() => '')).length, { timeout: 10_000 }).toBeGreaterThan(2)
  await reading.end()
  const written = async () => readChecks(await readFile(file, 'utf8')).length
  const before = await written()
  await reading.now()
  expect(await written()).toBe(before + 1)
})

test('reports consecutive failed reads once, and retries', async () => {
  const file = join(folder, 'silent.jsonl')
  const said: string[] = []
  let answers = false
  let asked = 0
  const source = async () => {
    asked++
    if (!answers) throw new Error('no answer')
    return { at: 1, source: 'a test', values: {} }
  }
  const reading = readRepeatedly(source, file, (line) => void said.push(line))
  await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(2)
  expect(said).toEqual(['the source of the numbers cannot be read: no answer'])
  answers = true
  await expect.poll(async () => readFile(file, 'utf8').catch(() => ''), { timeout: 10_000 }).toContain('a test')
  await reading.end()
})
