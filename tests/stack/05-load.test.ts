/** Points 5 and 6: k6 from the compose network, its metrics in Prometheus, and every panel of every dashboard under that load. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paths, services } from '../../contract/src/endpoints.ts'
import { type LoadMetricSpec, loadMetrics, prometheusName, trendStats } from '../../contract/src/load-metrics.ts'
import { metrics } from '../../contract/src/metrics.ts'
import { scenarios } from '../../k6/lib/scenarios.ts'
import { writeReport } from '../../scripts/panels/report.ts'
import { unexplained, watchPanels } from '../../scripts/panels/watch.ts'
import { composeServices, imageOf, root } from './lib/compose-file.ts'
import { docker, type Ran, tryDocker } from './lib/docker.ts'
import { addFigure } from './lib/figures.ts'
import { query, replicasUp } from './lib/prometheus.ts'
import { openSocket } from './lib/socket.ts'
import { containers, scaleTo, tryCompose, url } from './lib/stack.ts'
import { until } from './lib/until.ts'

const stack = inject('stack')

/** `docker compose run --rm k6`, as a person types it. */
function runK6(env: Record<string, string>, withinSeconds: number): Promise<Ran> {
  const owner = { LAB_UID: String(process.getuid?.() ?? 0), LAB_GID: String(process.getgid?.() ?? 0) }
  const settings = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  return tryCompose(stack, ['run', '--rm', ...settings, 'k6'], { withinSeconds, env: owner })
}

function report(scenario: string): { passed: boolean; sockets: number; metrics: Record<string, Record<string, number>> } {
  return JSON.parse(readFileSync(`${root}reports/k6-${scenario}.json`, 'utf8'))
}

describe('a short default run', () => {
  let run: Promise<Ran>
  let before: string[]
  let peak = 0
  const panels = watchPanels(url(stack, 'PROMETHEUS_PORT'))

  beforeAll(async () => {
    // Not the file's number of replicas: a run that resets it would show.
    await scaleTo(stack, 4)
    await until('four targets up', async () => (await replicasUp(stack)).length === 4, 30_000)
    before = (await containers(stack, services.ws)).map(({ Id }) => Id)
    run = runK6({ DURATION: '45', SEED: '7' }, 120)
    let ended = false
    const end = run.then(() => {
      ended = true
    })
    while (!ended) {
      peak = Math.max(peak, Number((await query(stack, `sum(${metrics.connectionsActive.name})`))[0]?.value[1] ?? 0))
      // Somebody looks at the page, so that the panels on plain HTTP have something to show, too.
      await (await fetch(url(stack, 'LAB_PORT', paths.health))).arrayBuffer()
      await panels.look()
      await Promise.race([sleep(1000), end])
    }
  }, 180_000)

  afterAll(() => scaleTo(stack, 3))

  test('exits with 0, and shows its verdict and its seed', async () => {
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
    expect(values[loadMetrics.stickyKept.name]?.rate).toBe(1)
  })

  test('has its 300 sockets open on the replicas at the same time', () => {
    expect(peak).toBeGreaterThanOrEqual(290)
    expect(peak).toBeLessThanOrEqual(310)
  })

  test('leaves the replicas alone', async () => {
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
    expect(Number(series[0]?.value[1]), 'series of k6: its tags must not grow with sockets').toBeLessThan(300)
  })

  test('gives every query of every panel something to show, but those on the scaler, which does not run here', () => {
    const answers = panels.answers()
    writeReport('panels', answers, new Date().toISOString())
    addFigure('panelQueries', { all: answers.length, withData: answers.filter(({ series }) => series.length > 0).length })
    expect(answers.length).toBeGreaterThan(150)
    expect(unexplained(answers, ['http']).map(({ page, panel, refId }) => `${page} / ${panel} / ${refId}`)).toEqual([])
  })

  test('leaves router and replicas in agreement: as many connections routed as held, once all is at rest', async () => {
    const apart = panels.answers().find(({ panel, refId }) => panel === 'Routed against held' && refId === 'C')?.expression ?? ''
    const rest = async () => (await query(stack, `(${apart}) == 0 and sum(${metrics.connectionsActive.name}) == 0`)).length === 1
    await until('nothing held and nothing routed', rest, 90_000, 1000)
    // Plain connections are kept for up to a minute; a socket of ours is the only thing there is, on both ends.
    const socket = await openSocket(stack)
    try {
      const one = async () => (await query(stack, `(${apart}) == 0 and sum(${metrics.connectionsActive.name}) == 1`)).length === 1
      await until('one held and one routed', one, 30_000, 1000)
    } finally {
      await socket.close()
    }
  })
})

test('smoke works too', async () => {
  const { exitCode, stdout, stderr } = await runK6({ SCENARIO: 'smoke', SHORT: '1' }, 60)
  expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
  expect(report('smoke')).toMatchObject({ passed: true, sockets: 10 })
})

test('a missed threshold is the exit code: here the other end answers, but never with a socket', async () => {
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

test('a lab that is not there ends the run with one line that says so', async () => {
  const settings = { SCENARIO: 'smoke', SHORT: '1', TARGET: `http://${services.prometheus}:9090`, READY_SECONDS: '2' }
  const { exitCode, stdout, stderr } = await runK6(settings, 60)
  expect(exitCode, stdout).not.toBe(0)
  expect(`${stdout}${stderr}`).toContain('was not ready within 2 s (last answer: status 404)')
})

test('a wrong scenario or value ends the run at once with one line that says what is allowed', async () => {
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
    return tryDocker(['run', '--rm', '--network', 'none', '-v', mount, '-w', '/etc/prometheus', '--entrypoint', 'promtool', image, ...args])
  }
  const rules = readdirSync(`${root}prometheus/rules`)

  test('promtool accepts the configuration and every rule', async () => {
    const { exitCode, stdout, stderr } = await promtool(['check', 'config', 'prometheus.yml'])
    expect(exitCode, `${stdout}${stderr}`).toBe(0)
    expect(rules.filter((file) => file.endsWith('.rules.yaml')).length).toBeGreaterThan(0)
  })

  test.each(rules.filter((file) => file.endsWith('.test.yaml')))('promtool passes %s', async (file) => {
    const { exitCode, stdout, stderr } = await promtool(['test', 'rules', `rules/${file}`])
    expect(exitCode, `${stdout}${stderr}`).toBe(0)
  })

  test('Prometheus has loaded them and evaluates each without an error', async () => {
    const { stdout } = await tryDocker(['version', '--format', '{{.Server.Version}}'])
    addFigure('dockerVersion', stdout.trim())
    const samples = await query(stack, 'sum(prometheus_rule_evaluation_failures_total) or vector(0)')
    expect(samples[0]?.value[1]).toBe('0')
    expect((await query(stack, 'count(prometheus_rule_group_rules > 0)')).length).toBe(1)
  })
})

test('k6 inspect accepts every scenario', async () => {
  // What compose.yaml mounts, but for where results go.
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
