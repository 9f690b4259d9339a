/** Runs one demo scene on the Compose lab, with k6, Prometheus and Docker. The tests in tests/demo use embedded labs instead. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { readEvents } from '@lab/demo/core/events.ts'
import { numberFaults } from '@lab/demo/record/numbers.ts'
import { askPrometheus } from '@lab/demo/record/sources.ts'
import { tryDocker } from '@lab/host/docker.ts'
import { prometheusAt } from '@lab/host/prometheus.ts'
import { execa } from 'execa'
import { expect, inject, onTestFinished, test } from 'vitest'
import { root } from './lib/compose-file.ts'
import { containers, url } from './lib/stack.ts'

const stack = inject('stack')

const environment = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Returns the ids of the load containers that the demo created and that still exist. */
async function loadContainers(): Promise<string> {
  return (await tryDocker(['ps', '--all', '--quiet', '--filter', `name=^${stack.project}-load-`])).stdout.trim()
}

test('the scene steady runs on Compose, and restores the lab', { timeout: 180_000 }, async () => {
  const file = join(temporaryFolder(), 'events.jsonl')
  const before = (await containers(stack, services.ws)).length
  const ran = await execa(
    'node',
    ['tools/cli/src/main.ts', 'demo', 'steady', '--on', 'compose', '--short', '--seed', '7', '--events', file],
    {
      cwd: root,
      env: environment,
      timeout: 170_000,
      reject: false,
      all: true,
    },
  )
  expect(ran.exitCode, ran.all).toBe(0)
  const events = readEvents(readFileSync(file, 'utf8'))
  expect(events[0]).toMatchObject({ kind: 'scene', name: 'steady', on: 'compose', seed: 7 })
  expect(events.at(-1)).toMatchObject({ kind: 'end', verdict: 'passed' })
  const numbers = events.flatMap((event) => (event.kind === 'say' ? Object.entries(event.numbers) : []))
  expect(numbers.find(([name]) => name === 'sockets')?.[1].source).toMatch(/^PromQL: sum\(/)
  // A scene queries Prometheus shortly before it prints a number.
  // The test compares the number that a scene prints with readings taken up to one second earlier or later.
  const moments = events.flatMap((event) => (event.kind === 'say' ? [-1000, 0, 1000].map((ms) => event.at + ms) : []))
  const prometheus = prometheusAt(url(stack, 'PROMETHEUS_PORT', ''))
  const readings = await Promise.all(moments.map((at) => askPrometheus(prometheus, at)))
  expect(readings.some(({ values }) => (values.sockets ?? 0) > 100)).toBe(true)
  expect(numberFaults(events, readings)).toEqual([])
  expect((await containers(stack, services.ws)).length).toBe(before)
  expect(await loadContainers()).toBe('')
})

test('Ctrl-C while Docker starts the load ends the scene and undoes it', { timeout: 120_000 }, async () => {
  // The signal is sent to the command's whole process group, as with Ctrl-C in a terminal.
  const ran = execa(
    'node',
    ['tools/cli/src/main.ts', 'demo', 'steady', '--on', 'compose', '--events', join(temporaryFolder(), 'events.jsonl')],
    {
      cwd: root,
      env: environment,
      timeout: 110_000,
      reject: false,
      all: true,
      detached: true,
    },
  )
  let output = ''
  ran.all.on('data', (data) => (output += data))
  await expect.poll(() => output, { timeout: 60_000, interval: 10 }).toContain('> load: 150 sockets')
  process.kill(-(ran.pid ?? Number.NaN), 'SIGINT')
  const { exitCode } = await ran
  expect(exitCode, output).toBe(130)
  expect(output).toMatch(/< the load ends\n\ninterrupted: /)
  expect(output).not.toContain('not undone')
  expect(await loadContainers()).toBe('')
})
