/** Checks the services that `docker compose up` starts, and the restrictions on their containers. */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { paths, ports, replicaHeader, services } from '@lab/contract/endpoints.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { addFigure } from '../lib/figures.ts'
import { composeServices, publishedPorts, root } from './lib/compose-file.ts'
import { measureIdleMemory } from './lib/idle-memory.ts'
import { retention } from './lib/prometheus.ts'
import { compose, containers, expectedServices, prometheusOf, serviceOf, url } from './lib/stack.ts'

const stack = inject('stack')
const running = await containers(stack)

/**
 * Sends a request from this host to an address. Returns the response, or an empty string if none arrives within 1.5 s.
 * A successful TCP connection does not prove that a port is published, because the gateways of some networks accept every connection.
 */
function answerFrom(host: string, port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1500 })
    let answer = ''
    const end = () => {
      socket.destroy()
      resolve(answer)
    }
    socket
      .once('connect', () => socket.write(request))
      .on('data', (chunk) => {
        answer += chunk
      })
    socket.once('timeout', end).once('error', end).once('end', end)
  })
}

test('all services are healthy within 90 seconds, including three replicas', () => {
  const healthy = running.filter(({ State }) => State.Health?.Status === 'healthy').map(serviceOf)
  expect(stack.startSeconds).toBeLessThan(90)
  expect([...new Set(healthy)].sort()).toEqual(expectedServices(stack).sort())
  expect(healthy).toHaveLength(running.length)
  expect(healthy.filter((service) => service === services.ws)).toHaveLength(3)
})

test('no container has exited, because there are no one-shot services', async () => {
  const all = await containers(stack, undefined, { stopped: true })
  expect(all.filter(({ State }) => State.Status !== 'running').map(serviceOf)).toEqual([])
})

describe('ports', () => {
  test('each port has its own variable and default', () => {
    expect(publishedPorts.filter(({ variable }) => variable === undefined)).toEqual([])
    expect(new Set(publishedPorts.map(({ variable }) => variable)).size).toBe(publishedPorts.length)
    expect(new Set(publishedPorts.map(({ fallback }) => fallback)).size).toBe(publishedPorts.length)
  })

  test('all ports bind 127.0.0.1 and belong to Traefik', () => {
    const bindings = ({ NetworkSettings }: (typeof running)[number]) => Object.values(NetworkSettings.Ports).flatMap((one) => one ?? [])
    const bound = running.flatMap(bindings)
    expect(bound.length).toBe(publishedPorts.length)
    expect(running.filter((container) => bindings(container).length > 0).map(serviceOf)).toEqual([services.traefik])
    expect(bound.filter(({ HostIp }) => HostIp !== '127.0.0.1')).toEqual([])
  })

  test('the replicas, Valkey and the socket proxy publish no port and have no fixed name', () => {
    for (const service of [services.ws, services.valkey, services.socketProxy]) expect(composeServices[service]?.ports).toBeUndefined()
    expect(Object.values(composeServices).filter(({ container_name }) => container_name)).toEqual([])
  })

  test('the host cannot reach a replica, Valkey or the socket proxy by its address', async () => {
    const http = (path: string) => `GET ${path} HTTP/1.0\r\nHost: localhost\r\n\r\n`
    const inside: { service: string; port: number; request: string; itself: RegExp }[] = [
      { service: services.ws, port: ports.public, request: http(paths.health), itself: new RegExp(replicaHeader, 'i') },
      { service: services.ws, port: ports.internal, request: http(paths.metrics), itself: /websocket_/ },
      { service: services.valkey, port: 6379, request: 'PING\r\n', itself: /PONG/ },
      { service: services.socketProxy, port: 2375, request: http('/_ping'), itself: /api-version/i },
    ]
    const reached = inside.flatMap(({ service, port, request, itself }) =>
      running
        .filter((container) => serviceOf(container) === service)
        .flatMap(({ NetworkSettings }) => Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress))
        .map(async (host) => (itself.test(await answerFrom(host, port, request)) ? [`${service} at ${host}:${port}`] : [])),
    )
    expect(reached.length).toBeGreaterThan(inside.length)
    expect((await Promise.all(reached)).flat()).toEqual([])
    const entry = new URL(url(stack, 'LAB_PORT'))
    const answer = await answerFrom(entry.hostname, Number(entry.port), http(paths.health))
    expect(answer, 'the probe does find a replica where there is a way').toMatch(new RegExp(replicaHeader, 'i'))
  })
})

test('only socket-proxy mounts the socket of Docker', () => {
  const holders = running.filter(({ Mounts }) => Mounts.some(({ Source }) => Source.endsWith('docker.sock'))).map(serviceOf)
  expect(holders).toEqual([services.socketProxy])
})

describe.each(expectedServices(stack))('%s', (service) => {
  const own = running.filter((container) => serviceOf(container) === service)

  test('has log rotation, a memory limit, no capabilities and a read-only root file system', () => {
    expect(own.length).toBeGreaterThan(0)
    for (const { HostConfig } of own) {
      expect(HostConfig.LogConfig).toMatchObject({
        Type: 'json-file',
        Config: { 'max-size': expect.any(String), 'max-file': expect.any(String) },
      })
      expect(HostConfig.Memory).toBeGreaterThan(0)
      expect(HostConfig.CapDrop).toEqual(['ALL'])
      expect(HostConfig.ReadonlyRootfs).toBe(true)
    }
  })

  test('runs a pinned image', () => {
    const { build, image } = composeServices[service] ?? {}
    if (build === undefined) expect(image).toMatch(/:v?\d+\.\d+\.\d+(-[a-z]+)?$/)
  })
})

describe('the image of the service', () => {
  test('does not run as root, and cannot write to the folder of its code', async () => {
    const [replica] = await containers(stack, services.ws)
    if (!replica) throw new Error('no replica runs')
    const script = `const fs = require('fs'); let w = 'written'; try { fs.writeFileSync('/lab/x', 'x') } catch (error) { w = error.code } console.log(process.getuid() + ' ' + w)`
    expect((await docker(['exec', replica.Id, 'node', '-e', script])).trim()).toMatch(/^[1-9]\d* EROFS$/)
  })

  test('adds less than 250 MB to its base', async () => {
    const [replica] = await containers(stack, services.ws)
    const dockerfile = await docker([
      'image',
      'inspect',
      '--format',
      '{{index .Config.Labels "org.opencontainers.image.base.name"}}',
      replica?.Image ?? '',
    ])
    const base = dockerfile.trim().replace('docker.io/library/', '')
    expect(base).toMatch(/^node:24/)
    const sizes = (await docker(['image', 'inspect', '--format', '{{.Size}}', replica?.Image ?? '', base])).trim().split('\n').map(Number)
    const overBaseMB = ((sizes[0] ?? Number.NaN) - (sizes[1] ?? Number.NaN)) / 1e6
    addFigure('imageOverBaseMB', Math.round(overBaseMB * 10) / 10)
    expect(overBaseMB).toBeGreaterThan(0)
    expect(overBaseMB).toBeLessThan(250)
  })

  test('rejects invalid environment variables within seconds, with one line per error', async () => {
    const [replica] = await containers(stack, services.ws)
    const args = ['run', '--rm', '--network', 'none', '-e', 'MAX_CONNECTIONS=many', '-e', 'LOG_LEVEL=loud', replica?.Image ?? '']
    const { exitCode, stderr } = await tryDocker(args, { withinSeconds: 20 })
    expect(exitCode).toBe(1)
    const lines = stderr.trim().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines.find((line) => line.includes('MAX_CONNECTIONS'))).toMatch(/many.*1.*1000000/)
    expect(lines.find((line) => line.includes('LOG_LEVEL'))).toMatch(/loud.*info/)
  })
})

test.each([services.ws, services.traefik])('%s logs JSON, one object per line', async (service) => {
  const lines = (await compose(stack, ['logs', '--no-log-prefix', '--no-color', '--tail', '50', service])).split('\n').filter(Boolean)
  expect(lines.length).toBeGreaterThan(0)
  for (const line of lines) expect(JSON.parse(line), line).toMatchObject({ level: expect.anything(), time: expect.any(String) })
})

test('Prometheus retains data for 30 days', async () => {
  expect(await retention(stack)).toMatch(/^(30d|720h)/)
})

test('Alertmanager is ready and Prometheus has discovered it', async () => {
  const ready = await fetch(url(stack, 'ALERTMANAGER_PORT', '/-/ready'))
  expect(ready.status).toBe(200)
  const known = z.object({ activeAlertmanagers: z.array(z.unknown()) })
  const active = async () => (await prometheusOf(stack).get('alertmanagers', known)).activeAlertmanagers.length
  // Prometheus becomes ready before its service discovery has finished.
  await until('Prometheus has discovered one Alertmanager', async () => (await active()) === 1, { withinMs: 20_000 })
})

test.skipIf(services.grafana in stack.missing)('Grafana serves the provisioned home dashboard without a login', async () => {
  const found = (await (await fetch(url(stack, 'GRAFANA_PORT', '/api/search?type=dash-db'))).json()) as { title: string }[]
  expect(found.length).toBeGreaterThan(0)
  const home = (await (await fetch(url(stack, 'GRAFANA_PORT', '/api/dashboards/home'))).json()) as { dashboard: { panels: unknown[] } }
  expect(home.dashboard.panels.length).toBeGreaterThan(0)
})

test('the idle stack uses less memory than the README states', async () => {
  const text = readFileSync(`${root}README.md`, 'utf8')
  const [, stated, grafana] = /takes less than (\d+) MiB of memory.*Grafana up to (\d+) MiB more/.exec(text) ?? []
  const { idleMemoryMiB, byServiceMiB } = await measureIdleMemory(stack)
  addFigure('idleMemoryMiB', idleMemoryMiB)
  addFigure('idleMemoryByServiceMiB', byServiceMiB)
  expect(Object.keys(byServiceMiB).sort()).toEqual(expectedServices(stack).sort())
  const grafanaMiB = byServiceMiB[services.grafana] ?? 0
  expect(idleMemoryMiB - grafanaMiB).toBeLessThan(Number(stated))
  expect(grafanaMiB).toBeLessThan(Number(grafana))
})
