/** Runs k6 on the Compose network: k6's metrics must reach Prometheus, and every panel on every dashboard must have data under load. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { paths, services } from '@lab/contract/endpoints.ts'
import { type LoadMetricSpec, loadMetrics, prometheusName, trendStats } from '@lab/contract/load-metrics.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { docker, type Ran, tryDocker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { scenarios } from '@lab/k6/lib/scenarios.ts'
import { writeReport } from '@lab/panels/report.ts'
import { unexplained, watchPanels } from '@lab/panels/watch.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { publicLoadQueries } from '../k8s-sim/lib/public-queries.ts'
import { addFigure } from '../lib/figures.ts'
import { composeServices, imageOf, root } from './lib/compose-file.ts'
import { query, replicasUp } from './lib/prometheus.ts'
import { openSocket } from './lib/socket.ts'
import { containers, scaleTo, tryCompose, url } from './lib/stack.ts'

const stack = inject('stack')

/** Runs `docker compose run --rm k6` as a user would. */
function runK6(env: Record<string, string>, withinSeconds: number): Promise<Ran> {
  const owner = { LAB_UID: String(process.getuid?.() ?? 0), LAB_GID: String(process.getgid?.() ?? 0) }
  const settings = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  return tryCompose(stack, ['run', '--rm', ...settings, 'k6'], { withinSeconds, env: owner })
}

function report(scenario: string): { passed: boolean; sockets: number; metrics: Record<string, Record<string, number>> } {
  return JSON.parse(readFileSync(`${root}reports/k6-${stack.project}-${scenario}.json`, 'utf8'))
}

describe('a short default run', () => {
  let run: Promise<Ran>
  let before: string[]
  let peak = 0
  /** Queries of public dashboards that have not returned data yet. */
  const emptyPublic = new Set(publicLoadQueries)
  const panels = watchPanels(url(stack, 'PROMETHEUS_PORT'))

  beforeAll(async () => {
    // The test starts four replicas, more than the Compose file defines, so that it notices if the k6 run resets the number of replicas.
    await scaleTo(stack, 4)
    await until('four targets up', async () => (await replicasUp(stack)).length === 4, { withinMs: 30_000 })
    before = (await containers(stack, services.ws)).map(({ Id }) => Id)
    run = runK6({ DURATION: '45', SEED: '7' }, 120)
    let ended = false
    const end = run.then(() => {
      ended = true
    })
    while (!ended) {
      peak = Math.max(peak, (await query(stack, `sum(${metrics.connectionsActive.name})`))[0]?.value ?? 0)
      // Sends plain HTTP requests, so that the HTTP panels have data.
      await (await fetch(url(stack, 'LAB_PORT', paths.health))).arrayBuffer()
      await panels.poll()
      for (const one of emptyPublic) if ((await query(stack, one.promql)).length > 0) emptyPublic.delete(one)
      await Promise.race([sleep(1000), end])
    }
  }, 180_000)

  afterAll(() => scaleTo(stack, 3))

  test('exits with 0, and prints its verdict and its seed', async () => {
    const { exitCode, stdout, stderr } = await run
    expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
    expect(stdout).toContain('All thresholds met.')
    expect(stdout).toContain('seed 7')
  })

  test('writes its summary as JSON', () => {
    const { passed, sockets, metrics: values } = report('default')
    addFigure('k6Default', { connectMs: values[loadMetrics.connectTime.name], messageMs: values[loadMetrics.messageRtt.name] })
    expect({ passed, sockets }).toEqual({ passed: true, sockets: 300 })
    expect(values[loadMetrics.messagesAnswered.name]?.count).toBeGreaterThan(1000)
    expect(values[loadMetrics.stickyReturns.name]?.rate).toBe(1)
  })

  test('provides data for queries of public dashboards about k6 and Traefik', async () => {
    await run
    addFigure('publicLoadQueries', publicLoadQueries.length)
    expect([...emptyPublic].map(({ source, name, promql }) => `${source} / ${name}: ${promql}`)).toEqual([])
  })

  test('has unique labels, so that two concurrent runs write different series', async () => {
    await run
    const ids = await query(stack, `count by (testid) (last_over_time(${prometheusName(loadMetrics.socketsOpened)}[5m]))`)
    expect(ids.map(({ labels }) => labels.testid ?? '')).toEqual(ids.map(() => expect.stringMatching(/^[0-9a-z]+-[0-9a-z]+$/)))
    expect(ids).not.toEqual([])
  })

  test('has its 300 sockets open on the replicas at the same time', () => {
    expect(peak).toBeGreaterThanOrEqual(290)
    expect(peak).toBeLessThanOrEqual(310)
  })

  test('does not change the number of replicas', async () => {
    expect((await containers(stack, services.ws)).map(({ Id }) => Id)).toEqual(before)
  })

  test('sends its metrics to Prometheus', async () => {
    const specs: LoadMetricSpec[] = Object.values(loadMetrics)
    const names = specs.flatMap((spec) =>
      spec.scenario !== undefined
        ? []
        : spec.kind === 'trend'
          ? trendStats.map((stat) => prometheusName(spec, stat))
          : [prometheusName(spec)],
    )
    const absent = []
    for (const name of names) if ((await query(stack, `last_over_time(${name}[5m])`)).length === 0) absent.push(name)
    expect(absent).toEqual([])
    const series = await query(stack, 'count({__name__=~"k6_.+"}) or count(last_over_time(k6_lab_sockets_opened_total[5m]))')
    expect(series[0]?.value, 'series of k6: its tags must not grow with sockets').toBeLessThan(300)
  })

  test('provides data for every query of every panel, except those about the scaler, which does not run here', () => {
    const answers = panels.answers()
    writeReport('panels', answers, new Date().toISOString())
    addFigure('panelQueries', { all: answers.length, withData: answers.filter(({ series }) => series.length > 0).length })
    expect(answers.length).toBeGreaterThan(150)
    expect(unexplained(answers, []).map(({ page, panel, refId }) => `${page} / ${panel} / ${refId}`)).toEqual([])
  })

  test('ends with equal connection counts of router and replicas', async () => {
    const apart = panels.answers().find(({ panel, refId }) => panel === 'Routed against held' && refId === 'C')?.expression ?? ''
    const rest = async () => (await query(stack, `(${apart}) == 0 and sum(${metrics.connectionsActive.name}) == 0`)).length === 1
    await until('no connection on replicas and router', rest, { withinMs: 90_000, everyMs: 1000 })
    // After the load has ended, the router may take up to a minute to close its idle HTTP connections.
    // Once the router's idle connections are closed, this test's socket is the only connection.
    const socket = await openSocket(stack)
    try {
      const one = async () => (await query(stack, `(${apart}) == 0 and sum(${metrics.connectionsActive.name}) == 1`)).length === 1
      await until('one connection on a replica and one on the router', one, { withinMs: 30_000, everyMs: 1000 })
    } finally {
      await socket.close()
    }
  })
})

test('the scenario smoke succeeds', async () => {
  const { exitCode, stdout, stderr } = await runK6({ SCENARIO: 'smoke', SHORT: '1' }, 60)
  expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
  expect(report('smoke')).toMatchObject({ passed: true, sockets: 10 })
})

test('a missed threshold sets the exit code, for example when all handshakes are refused', async () => {
  const [replica] = await containers(stack, services.ws)
  if (!replica) throw new Error('no replica runs')
  const server = "require('node:http').createServer((request, response) => response.end('ok')).listen(8000, '0.0.0.0')"
  const name = `${stack.project}-no-sockets`
  await docker(['run', '--detach', '--rm', '--name', name, '--network', `${stack.project}_lab`, replica.Image, 'node', '-e', server])
  try {
    const { exitCode, stdout } = await runK6({ SCENARIO: 'smoke', SHORT: '1', TARGET: `http://${name}:8000` }, 90)
    expect(exitCode, stdout).toBe(99)
    expect(stdout).toMatch(new RegExp(`MISSED +${loadMetrics.connectSuccess.name}`))
    expect(report('smoke')).toMatchObject({ passed: false })
  } finally {
    await docker(['rm', '--force', name])
  }
})

test('a run against a lab that does not exist ends with one line', async () => {
  const settings = { SCENARIO: 'smoke', SHORT: '1', TARGET: `http://${services.prometheus}:9090`, READY_SECONDS: '2' }
  const { exitCode, stdout, stderr } = await runK6(settings, 60)
  expect(exitCode, stdout).not.toBe(0)
  expect(`${stdout}${stderr}`).toContain('was not ready within 2 s (last answer: status 404)')
})

test('an invalid scenario or value ends the run at once with one line that names the allowed values', async () => {
  const { exitCode, stdout, stderr } = await runK6({ SCENARIO: 'smok', SOCKETS: 'many' }, 60)
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.includes('SCENARIO'))
  expect(exitCode).not.toBe(0)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/smok.*allowed: default, smoke, .*spike.*many.*allowed: a whole number from 1 to 20000/)
})

describe('rules', () => {
  const promtool = (args: string[]) => {
    const mount = `${root}prometheus:/etc/prometheus:ro`
    const image = imageOf(services.prometheus)
    const command = ['run', '--rm', '--network', 'none', '-v', mount, '-w', '/etc/prometheus', '--entrypoint', 'promtool', image, ...args]
    return tryDocker(command, { withinSeconds: 200 })
  }
  const rules = readdirSync(`${root}prometheus/rules`)

  test('pass promtool, together with the configuration', async () => {
    const { exitCode, stdout, stderr } = await promtool(['check', 'config', 'prometheus.yml'])
    expect(exitCode, `${stdout}${stderr}`).toBe(0)
    expect(rules.filter((file) => file.endsWith('.rules.yaml')).length).toBeGreaterThan(0)
  })

  test.each(rules.filter((file) => file.endsWith('.test.yaml')))(
    'promtool passes %s',
    async (file) => {
      const { exitCode, stdout, stderr } = await promtool(['test', 'rules', `rules/${file}`])
      expect(exitCode, `${stdout}${stderr}`).toBe(0)
      // promtool calculates for up to 13 s on a quiet machine, and other suites may run at the same time.
    },
    240_000,
  )

  test('are loaded by Prometheus and evaluated without errors', async () => {
    const { stdout } = await tryDocker(['version', '--format', '{{.Server.Version}}'])
    addFigure('dockerVersion', stdout.trim())
    const samples = await query(stack, 'sum(prometheus_rule_evaluation_failures_total) or vector(0)')
    expect(samples[0]?.value).toBe(0)
    expect((await query(stack, 'count(prometheus_rule_group_rules > 0)')).length).toBe(1)
  })
})

test('k6 inspect accepts every scenario', async () => {
  // The container gets the read-only mounts that compose.yaml defines for k6, but not the results folder.
  const sources = (composeServices[services.k6]?.volumes ?? []).filter((volume) => volume.endsWith(':ro'))
  const mounts = sources.flatMap((volume) => ['-v', volume.replace('./', root)])
  expect(mounts.length).toBeGreaterThan(2)
  for (const scenario of Object.keys(scenarios)) {
    const args = [
      'run',
      '--rm',
      '--network',
      'none',
      ...mounts,
      imageOf(services.k6),
      'inspect',
      '-e',
      `SCENARIO=${scenario}`,
      '/lab/k6/main.ts',
    ]
    expect(JSON.parse(await docker(args))).toMatchObject({ scenarios: { [scenario]: { executor: 'per-vu-iterations' } } })
  }
})
