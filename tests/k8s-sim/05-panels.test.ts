/** Every panel while the scaler works: load makes it add replicas, and each query, those on the scaler included, has an answer. */
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { paths, services } from '../../contract/src/endpoints.ts'
import { pauseFilePath } from '../../scaler/src/decision-log.ts'
import { writeReport } from '../../scripts/panels/report.ts'
import { type PanelAnswer, unexplained, watchPanels } from '../../scripts/panels/watch.ts'
import { oneSocketPerReplica, type TestSocket } from '../stack/lib/socket.ts'
import { containers, replicaName, tryCompose, url } from '../stack/lib/stack.ts'
import { until } from '../stack/lib/until.ts'
import { addFigure } from './lib/figures.ts'
import { fromRoot, stateFolder } from './lib/settings.ts'

const stack = inject('stack')
const pause = fromRoot(pauseFilePath(stateFolder))
let answers: PanelAnswer[]

beforeAll(async () => {
  // Nothing is left to do from before: the next change is one that this load causes.
  await rm(pause, { force: true })
  await until('two replicas', async () => (await containers(stack, services.ws)).length === 2, 120_000)
  const panels = watchPanels(url(stack, 'PROMETHEUS_PORT'))
  let ended = false
  const load = tryCompose(stack, ['--profile', 'load', 'run', '--rm', '-e', 'SOCKETS=350', '-e', 'DURATION=45', services.k6], {
    withinSeconds: 120,
  }).finally(() => {
    ended = true
  })
  // They stay when they are asked to leave, so that a replica drains until its deadline, and a scrape sees it. One without sockets is
  // gone in less time than lies between two scrapes.
  let staying: Map<string, TestSocket> | undefined
  while (!ended) {
    // Somebody looks at the page, so that the panels on plain HTTP have something to show, too.
    await (await fetch(url(stack, 'LAB_PORT', paths.health))).arrayBuffer()
    await panels.look()
    const replicas = (await containers(stack, services.ws)).map(replicaName)
    if (staying === undefined && replicas.length === 4) staying = await oneSocketPerReplica(stack, replicas)
    await sleep(1000)
  }
  const { exitCode, stdout } = await load
  expect(exitCode, stdout.slice(-2000)).toBe(0)
  expect(staying?.size, 'replicas with a socket that stays').toBe(4)
  // The scaler's changes down, and the replica that drains, come after the load.
  await until(
    'every mark and every query',
    async () => {
      await panels.look()
      return panels.answers().every(({ series }) => series.length > 0)
    },
    120_000,
    1000,
  ).catch(() => {
    // What is missing is what the tests say.
  })
  for (const socket of staying?.values() ?? []) await socket.close()
  answers = panels.answers()
}, 400_000)

afterAll(() => writeFile(pause, ''))

test('every query of every panel has an answer', () => {
  writeReport('panels-scaler', answers, new Date().toISOString())
  addFigure('panelQueries', { all: answers.length, withData: answers.filter(({ series }) => series.length > 0).length })
  const empty = unexplained(answers, ['scaler', 'http', 'change'])
  expect(empty.map(({ page, panel, refId }) => `${page} / ${panel} / ${refId}`)).toEqual([])
})

test('so has every mark: replicas that start, drain, and each decision with its reason', () => {
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
