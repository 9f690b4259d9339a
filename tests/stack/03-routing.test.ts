/** Checks that the sticky cookie routes a returning client to the same replica, and that no handshake fails when a replica is killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { paths, replicaHeader, services, stickyCookie } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { replicasUp } from './lib/prometheus.ts'
import { oneSocketPerReplica, openSocket, type TestSocket } from './lib/socket.ts'
import { containerName, containers, scaleTo, url } from './lib/stack.ts'

const stack = inject('stack')
let replicas: string[] = []

beforeAll(async () => {
  await scaleTo(stack, 3)
  replicas = (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
})

describe('sticky cookie', () => {
  test('is set on the upgrade, for this host only and inaccessible to scripts', async () => {
    const socket = await openSocket(stack)
    await socket.close()
    expect(socket.cookie).toMatch(new RegExp(`^${stickyCookie}=[0-9a-f]{16}$`))
    expect(socket.cookieAttributes).toContain('HttpOnly')
    expect(socket.cookieAttributes.some((attribute) => attribute.startsWith('Domain'))).toBe(false)
  })

  test('routes every later socket of the client to the same replica', async () => {
    const first = await openSocket(stack)
    const later = await Promise.all(Array.from({ length: 12 }, () => openSocket(stack, { cookie: first.cookie })))
    await Promise.all([first, ...later].map((socket) => socket.close()))
    expect(new Set(later.map(({ replica }) => replica))).toEqual(new Set([first.replica]))
  })

  test('routes plain HTTP requests to the replica of the socket', async () => {
    const socket = await openSocket(stack)
    await socket.close()
    for (let call = 0; call < 6; call++) {
      const response = await fetch(url(stack, 'LAB_PORT', paths.apiInfo), { headers: { cookie: socket.cookie ?? '' } })
      expect(response.headers.get(replicaHeader)).toBe(socket.replica)
      await response.body?.cancel()
    }
  })

  test('sockets without it are spread over all replicas', async () => {
    const sockets = await Promise.all(Array.from({ length: 30 }, () => openSocket(stack)))
    await Promise.all(sockets.map((socket) => socket.close()))
    const share = new Map(replicas.map((replica) => [replica, sockets.filter((socket) => socket.replica === replica).length]))
    for (const [replica, count] of share) expect(count, replica).toBeGreaterThanOrEqual(5)
  })

  test('is replaced if its value is unknown', async () => {
    const socket = await openSocket(stack, { cookie: `${stickyCookie}=0000000000000000` })
    await socket.close()
    expect(replicas).toContain(socket.replica)
    expect(socket.cookie).toMatch(/=[0-9a-f]{16}$/)
  })
})

describe('the public entry point', () => {
  test.each([paths.metrics, `${paths.metrics}/`, `${paths.metrics}?x=1`])('refuses GET %s', async (path) => {
    const response = await fetch(url(stack, 'LAB_PORT', path))
    expect(path.startsWith(`${paths.metrics}/`) ? [403, 404] : [403]).toContain(response.status)
    expect(await response.text()).not.toContain('# TYPE')
  })

  test('does not serve the API of Traefik, which has its own port', async () => {
    expect((await fetch(url(stack, 'LAB_PORT', '/api/rawdata'))).status).toBe(404)
    expect((await fetch(url(stack, 'TRAEFIK_DASHBOARD_PORT', '/api/rawdata'))).status).toBe(200)
  })
})

describe('a killed replica', () => {
  let victim: TestSocket
  let errors: string[]
  let opened: TestSocket[]

  beforeAll(async () => {
    victim = (await oneSocketPerReplica(stack, replicas.slice(0, 1))).values().next().value as TestSocket
    errors = []
    opened = []
    const dial = (cookie?: string) =>
      openSocket(stack, { cookie }).then(
        (socket) => {
          opened.push(socket)
        },
        (error) => {
          errors.push(`${cookie ? 'with' : 'without'} cookie: ${String(error)}`)
        },
      )
    const dials: Promise<void>[] = []
    const killed = docker(['kill', '--signal', 'KILL', containerName(stack, victim.replica)])
    for (let round = 0; round < 40; round++) {
      dials.push(dial(victim.cookie), dial())
      await sleep(100)
    }
    await killed
    await Promise.all(dials)
    await Promise.all(opened.map((socket) => socket.close()))
  })

  afterAll(() => scaleTo(stack, 3))

  test('causes no failed handshake, with its cookie or without', () => {
    expect(errors).toEqual([])
    expect(opened).toHaveLength(80)
  })

  test('closes its sockets without a close frame', async () => {
    expect((await victim.closed).code).toBe(1006)
  })

  test('disappears from the targets of Prometheus, and returns after the next scale command', async () => {
    await until('two targets up', async () => (await replicasUp(stack)).length === 2, { withinMs: 30_000 })
    const startedAt = performance.now()
    await scaleTo(stack, 3)
    await until('three targets up', async () => (await replicasUp(stack)).length === 3, { withinMs: 20_000 })
    addFigure('backAfterKillSeconds', (performance.now() - startedAt) / 1000)
    const ids = (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
    const sockets = await oneSocketPerReplica(stack, ids)
    await Promise.all([...sockets.values()].map((socket) => socket.close()))
    expect(sockets.size).toBe(3)
  })
})
