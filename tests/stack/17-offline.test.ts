/** Tests the lab without internet access and without image pulls: the whole lab starts, and it sends no packets to other machines. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { profiles } from '@lab/contract/telemetry.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { imageOf } from './lib/compose-file.ts'
import { freePorts } from './lib/global-setup.ts'
import { compose, containers, expectedServices, serviceOf, takeDown } from './lib/stack.ts'

const stack = inject('stack')
const optional = [services.loki, services.jaeger].filter((service) => !(service in stack.missing))
const wanted = [...expectedServices(stack), ...optional]
/** An unassigned address from a range that is reserved for documentation (RFC 5737). */
const nowhere = '192.0.2.1'

let folder = ''
let closed: { project: string; env: Record<string, string> }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offline-'))
  const override = join(folder, 'closed.yaml')
  // Only the `front` network must be made internal, because compose.yaml already declares all other networks as internal.
  await writeFile(override, 'networks:\n  front:\n    internal: true\n')
  const env = {
    ...(await freePorts()),
    COMPOSE_FILE: `compose.yaml:${override}`,
    COMPOSE_PATH_SEPARATOR: ':',
    COMPOSE_PROFILES: [profiles.logging, profiles.tracing].join(','),
  }
  closed = { project: `${stack.project}-offline`, env }
  await compose(closed, ['build', '--quiet'], { withinSeconds: 240 })
}, 300_000)

afterAll(async () => {
  takeDown(closed)
  await rm(folder, { recursive: true })
}, 120_000)

/** Returns the number of packets that a container sent to destinations without a route. */
async function sentOutside(id: string): Promise<number> {
  const text = await docker(['run', '--rm', '--network', `container:${id}`, '--entrypoint', 'cat', imageOf('valkey'), '/proc/net/snmp'])
  const [names, values] = text.split('\n').filter((line) => line.startsWith('Ip:'))
  return Number(values?.split(' ')[names?.split(' ').indexOf('OutNoRoutes') ?? -1])
}

test('the lab starts', { timeout: 180_000 }, async () => {
  await compose(closed, ['up', '--detach', '--no-build', '--pull', 'never', '--wait', '--wait-timeout', '120', ...wanted], {
    withinSeconds: 150,
  })
  const running = await containers(closed)
  expect(new Set(running.map(serviceOf))).toEqual(new Set(wanted))
  expect(running.filter(({ State }) => State.Health?.Status !== 'healthy').map(({ Name }) => Name)).toEqual([])
})

test('Prometheus scrapes all targets', { timeout: 120_000 }, async () => {
  const ask = async (expression: string) =>
    JSON.parse(
      await compose(closed, [
        'exec',
        '-T',
        'prometheus',
        'promtool',
        'query',
        'instant',
        '-o',
        'json',
        'http://localhost:9090',
        expression,
      ]),
    ) as { metric: Record<string, string>; value: [number, string] }[]
  const there = (await ask('up')).map(({ metric }) => metric.job)
  expect(there).toContain(services.ws)
  await until('all targets are up', async () => (await ask('up == 0')).length === 0 && (await ask('up')).length >= 5, {
    withinMs: 90_000,
    everyMs: 1000,
  })
})

test('no service sends packets to other machines', { timeout: 120_000 }, async () => {
  const running = await containers(closed)
  const sent = await Promise.all(running.map(async ({ Id, Name }) => [Name, await sentOutside(Id)]))
  expect(sent.filter(([, packets]) => packets !== 0)).toEqual([])
  const said = await compose(closed, ['logs', '--no-color', '--no-log-prefix'])
  expect(said.split('\n').filter((line) => /no such host|server misbehaving|network is unreachable/i.test(line))).toEqual([])
})

test('the check detects a container that sends packets to another machine', async () => {
  const [prometheus] = await containers(closed, services.prometheus)
  const id = prometheus?.Id ?? ''
  expect(await sentOutside(id)).toBe(0)
  expect((await tryDocker(['exec', id, 'wget', '-T', '2', '-q', '-O', '-', `http://${nowhere}/`])).exitCode).not.toBe(0)
  expect(await sentOutside(id)).toBeGreaterThan(0)
})
