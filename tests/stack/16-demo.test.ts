/** A scene on the Compose lab, as a person plays it there: by k6, Prometheus and Docker. The others are played on embedded labs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, inject, onTestFinished, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { readEvents } from '../../demo/core/events.ts'
import { numberFaults } from '../../demo/record/numbers.ts'
import { askPrometheus } from '../../demo/record/sources.ts'
import { root } from './lib/compose-file.ts'
import { tryDocker } from './lib/docker.ts'
import { containers, url } from './lib/stack.ts'

const stack = inject('stack')

test('steady plays on Compose, and leaves the lab as it was', { timeout: 180_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'events.jsonl')
  const before = (await containers(stack, services.ws)).length
  const ran = await execa('node', ['demo/main.ts', 'steady', '--on', 'compose', '--short', '--seed', '7', '--events', file], {
    cwd: root,
    env: { ...stack.env, COMPOSE_PROJECT_NAME: stack.project },
    timeout: 170_000,
    reject: false,
    all: true,
  })
  expect(ran.exitCode, ran.all).toBe(0)
  const events = readEvents(readFileSync(file, 'utf8'))
  expect(events[0]).toMatchObject({ kind: 'scene', name: 'steady', surface: 'compose', seed: 7 })
  expect(events.at(-1)).toMatchObject({ kind: 'end', verdict: 'passed' })
  const numbers = events.flatMap((event) => (event.kind === 'say' ? Object.entries(event.numbers) : []))
  expect(numbers.find(([name]) => name === 'sockets')?.[1].source).toMatch(/^PromQL: sum\(/)
  // A second either way: the scene asked Prometheus just before it said the number.
  const moments = events.flatMap((event) => (event.kind === 'say' ? [-1000, 0, 1000].map((ms) => event.at + ms) : []))
  const readings = await Promise.all(moments.map((at) => askPrometheus(url(stack, 'PROMETHEUS_PORT', ''), at)))
  expect(readings.some(({ values }) => (values.sockets ?? 0) > 100)).toBe(true)
  expect(numberFaults(events, readings)).toEqual([])
  expect((await containers(stack, services.ws)).length).toBe(before)
  const load = await tryDocker([
    'ps',
    '--all',
    '--quiet',
    '--filter',
    `label=com.docker.compose.project=${stack.project}`,
    '--filter',
    'name=demo-load',
  ])
  expect(load.stdout.trim()).toBe('')
})
