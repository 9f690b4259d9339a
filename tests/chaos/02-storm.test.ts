/** Tests the reconnect storm: a replica with 2,000 sockets is killed, once with naive clients and once with clients that use jitter. */
import { readFileSync } from 'node:fs'
import { services } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import type { StormReport } from '@lab/storm/command.ts'
import { peakOf } from '@lab/storm/compare.ts'
import { execa } from 'execa'
import { beforeAll, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { root } from '../stack/lib/compose-file.ts'
import { containers, expectedServices, scaleTo } from '../stack/lib/stack.ts'

const stack = inject('stack')

let comparison: StormReport
let output: string

beforeAll(async () => {
  await scaleTo(stack, 3)
  const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }
  const ran = await execa(process.execPath, ['tools/cli/src/main.ts', 'storm'], {
    cwd: root,
    env,
    all: true,
    reject: false,
    timeout: 280_000,
    stdin: 'ignore',
  })
  output = ran.all
  expect([0, 1], output).toContain(ran.exitCode)
  comparison = JSON.parse(readFileSync(`${root}reports/${stack.project}/storm.json`, 'utf8')) as StormReport
  addFigure('storm', {
    naive: { mostDialsPerSecond: peakOf(comparison.naive), backMs: comparison.naive.backMs },
    jittered: { mostDialsPerSecond: peakOf(comparison.jittered), backMs: comparison.jittered.backMs },
    peakRatio: comparison.peakRatio,
  })
}, 300_000)

test('the replica had 2,000 sockets, and all clients with jitter reconnected', () => {
  const { lab, naive, jittered } = comparison
  expect(lab).toEqual({ kind: 'compose', name: stack.project })
  for (const { lost } of [naive, jittered]) expect(lost, output).toBeGreaterThanOrEqual(1900)
  expect(jittered.back).toBeGreaterThanOrEqual(jittered.lost * 0.99)
})

test('with jitter, the peak of attempts per second is at most a fifth', () => {
  expect(comparison.peakRatio, output).toBeGreaterThanOrEqual(5)
})

test('Traefik and the other replicas stayed healthy, and the killed replica is replaced', async () => {
  expect([...comparison.naive.damage.down, ...comparison.jittered.damage.down]).toEqual([])
  expect(comparison.problems).toEqual([])
  const running = await containers(stack)
  expect(running.filter(({ Config }) => Config.Labels['com.docker.compose.service'] === services.ws)).toHaveLength(3)
  const restarts = await docker(['inspect', '--format', '{{.RestartCount}}', ...running.map(({ Id }) => Id)])
  expect(restarts.split('\n').filter((count) => count !== '0')).toEqual([])
  expect(new Set(running.map(({ Config }) => Config.Labels['com.docker.compose.service'])).size).toBe(expectedServices(stack).length)
})
