/** The reconnect storm: a replica with 2,000 sockets dies, once with naive clients and once with jittered ones. */
import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { beforeAll, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { type Comparison, peakOf } from '../../scripts/storm/compare.ts'
import { root } from '../stack/lib/compose-file.ts'
import { docker } from '../stack/lib/docker.ts'
import { addFigure } from '../stack/lib/figures.ts'
import { containers, expectedServices, scaleTo } from '../stack/lib/stack.ts'

const stack = inject('stack')

let comparison: Comparison
let output: string

beforeAll(async () => {
  await scaleTo(stack, 3)
  const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }
  const ran = await execa('node', ['scripts/storm.ts'], { cwd: root, env, all: true, reject: false, timeout: 280_000, stdin: 'ignore' })
  output = ran.all
  expect([0, 1], output).toContain(ran.exitCode)
  comparison = JSON.parse(readFileSync(`${root}reports/storm.json`, 'utf8')) as Comparison
  addFigure('storm', {
    naive: { mostDialsPerSecond: peakOf(comparison.naive), backMs: comparison.naive.backMs },
    jittered: { mostDialsPerSecond: peakOf(comparison.jittered), backMs: comparison.jittered.backMs },
    peakRatio: comparison.peakRatio,
  })
}, 300_000)

test('the replica held 2,000 sockets, and all who waited a random time came back', () => {
  const { naive, jittered } = comparison
  for (const { lost } of [naive, jittered]) expect(lost, output).toBeGreaterThanOrEqual(1900)
  expect(jittered.back).toBeGreaterThanOrEqual(jittered.lost * 0.99)
})

test('with jitter, the most dials in one second fall by five times or more', () => {
  expect(comparison.peakRatio, output).toBeGreaterThanOrEqual(5)
})

test('Traefik and the other replicas stayed up, and the dead one is back', async () => {
  expect([...comparison.naive.damage.down, ...comparison.jittered.damage.down]).toEqual([])
  expect(comparison.problems).toEqual([])
  const running = await containers(stack)
  expect(running.filter(({ Config }) => Config.Labels['com.docker.compose.service'] === services.ws)).toHaveLength(3)
  const restarts = await docker(['inspect', '--format', '{{.RestartCount}}', ...running.map(({ Id }) => Id)])
  expect(restarts.split('\n').filter((count) => count !== '0')).toEqual([])
  expect(new Set(running.map(({ Config }) => Config.Labels['com.docker.compose.service'])).size).toBe(expectedServices(stack).length)
})
