/**
 * Checks every panel's data while the scaler adds replicas under load. Expects every query to return data, including the queries about the
 * scaler.
 */
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { paths, services } from '@lab/contract/endpoints.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { writeReport } from '@lab/panels/report.ts'
import { type PanelAnswer, unexplained, watchPanels } from '@lab/panels/watch.ts'
import { pauseFilePath } from '@lab/scaler/decision-log.ts'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { oneSocketPerReplica, type TestSocket } from '../stack/lib/socket.ts'
import { containers, tryCompose, url } from '../stack/lib/stack.ts'
import { fromRoot, stateFolder } from './lib/settings.ts'

const stack = inject('stack')
const pause = fromRoot(pauseFilePath(stateFolder))
let answers: PanelAnswer[]

beforeAll(async () => {
  // The test waits until no scaling action is pending, so that this test's load causes the next change in the number of replicas.
  await rm(pause, { force: true })
  await until('two replicas', async () => (await containers(stack, services.ws)).length === 2, { withinMs: 120_000 })
  const panels = watchPanels(url(stack, 'PROMETHEUS_PORT'))
  let ended = false
  const load = tryCompose(stack, ['--profile', 'load', 'run', '--rm', '-e', 'SOCKETS=350', '-e', 'DURATION=45', services.k6], {
    withinSeconds: 120,
  }).finally(() => {
    ended = true
  })
  // These sockets ignore the goodbye message, so that a replica drains until its deadline and is scraped in the meantime.
  // Without open sockets, the replica could exit between two scrapes.
  let staying: Map<string, TestSocket> | undefined
  while (!ended) {
    // Sends plain HTTP requests, so that the HTTP panels have data.
    await (await fetch(url(stack, 'LAB_PORT', paths.health))).arrayBuffer()
    await panels.poll()
    const replicas = (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
    if (staying === undefined && replicas.length === 4) staying = await oneSocketPerReplica(stack, replicas)
    await sleep(1000)
  }
  const { exitCode, stdout } = await load
  expect(exitCode, stdout.slice(-2000)).toBe(0)
  expect(staying?.size, 'replicas with a socket that ignores a goodbye').toBe(4)
  // Once the load has ended, the scaler scales down, which makes a replica drain.
  await until(
    'every annotation and every query has data, except for the events of rollouts and faults',
    async () => {
      await panels.poll()
      return panels.answers().every(({ series, need }) => series.length > 0 || need?.name === 'rollout' || need?.name === 'fault')
    },
    { withinMs: 120_000, everyMs: 1000 },
  ).catch(() => {
    // A timeout is ignored here, because the tests in this file report any missing data.
  })
  for (const socket of staying?.values() ?? []) await socket.close()
  answers = panels.answers()
}, 400_000)

afterAll(() => writeFile(pause, ''))

test('every query of every panel has data', () => {
  writeReport('panels-scaler', answers, new Date().toISOString())
  addFigure('panelQueries', { all: answers.length, withData: answers.filter(({ series }) => series.length > 0).length })
  const empty = unexplained(answers, ['scaler', 'change'])
  expect(empty.map(({ page, panel, refId }) => `${page} / ${panel} / ${refId}`)).toEqual([])
})

test('every annotation has data: replicas that start or drain, and each decision with its reason', () => {
  expect(unexplained(answers, ['event']).map(({ page, panel }) => `${page} / ${panel}`)).toEqual([])
  const decisions = answers.find(({ panel, kind }) => kind === 'annotation' && panel === 'Decisions')?.series ?? []
  for (const { labels, value } of decisions) {
    expect(labels).toMatchObject({
      from: expect.stringMatching(/^\d+$/),
      to: expect.stringMatching(/^\d+$/),
      reason: expect.stringMatching(/\w/),
    })
    expect(Math.abs(Date.now() - value)).toBeLessThan(600_000)
  }
})
