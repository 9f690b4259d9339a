/** Tests that new replicas are discovered and receive connections, and that removed replicas drain and ask their clients to reconnect. */
import { setTimeout as sleep } from 'node:timers/promises'
import { closeCodes } from '@lab/contract/close-codes.ts'
import { jobs, services } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { replicasUp, targets } from './lib/prometheus.ts'
import { openSocket, type TestSocket } from './lib/socket.ts'
import { containerName, containers, inspect, scaleTo } from './lib/stack.ts'

const stack = inject('stack')

/** Opens a socket without a cookie every 100 ms until stopped, and records each replica's first and last socket. */
function keepDialling() {
  const first = new Map<string, number>()
  const last = new Map<string, number>()
  const errors: string[] = []
  let going = true
  const done = (async () => {
    while (going) {
      try {
        const dialledAt = Date.now()
        const socket = await openSocket(stack)
        if (!first.has(socket.replica)) first.set(socket.replica, Date.now())
        last.set(socket.replica, dialledAt)
        await socket.close()
      } catch (error) {
        errors.push(String(error))
      }
      await sleep(100)
    }
  })()
  const stop = () => {
    going = false
    return done
  }
  return { first, last, errors, stop }
}

/**
 * Waits until Prometheus' only targets for this job are the given replicas, each exactly once.
 * @returns the time, in seconds, until Prometheus had discovered exactly the given replicas
 */
async function secondsUntilTargets(expected: string[]): Promise<number> {
  const startedAt = performance.now()
  const names = async () => (await targets(stack, jobs.ws)).map(({ labels }) => labels.replica).sort()
  await until(`targets ${expected.join(', ')}`, async () => (await names()).join() === expected.join(), { withinMs: 30_000, everyMs: 100 })
  const seconds = (performance.now() - startedAt) / 1000
  // After Prometheus has discovered a new target, its first successful scrape can take one more scrape interval.
  await until(`${expected.join(', ')} up`, async () => (await replicasUp(stack)).join() === expected.join(), { withinMs: 15_000 })
  return seconds
}

/** Returns the time at which the replica logged that it was ready, in milliseconds since 1970. */
async function readyAt(id: string): Promise<number> {
  const lines = (await docker(['logs', id])).split('\n').filter(Boolean)
  const ready = lines.map((line) => JSON.parse(line) as { msg?: string; time: string }).find(({ msg }) => msg === 'ready')
  if (!ready) throw new Error(`replica ${id} has not logged that it is ready`)
  return Date.parse(ready.time)
}

describe('scaling 3 → 5 → 2', () => {
  beforeAll(async () => {
    await scaleTo(stack, 3)
    await secondsUntilTargets(['ws-1', 'ws-2', 'ws-3'])
  })

  test('up: one target per replica within 10 s, and new replicas get sockets within 3 s after they are ready', async () => {
    const before = new Set((await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels)))
    const dialling = keepDialling()
    await scaleTo(stack, 5)
    const targetSeconds = await secondsUntilTargets(['ws-1', 'ws-2', 'ws-3', 'ws-4', 'ws-5'])
    const added = (await containers(stack, services.ws)).filter((container) => !before.has(replicaName(container.Config.Labels)))
    expect(added).toHaveLength(2)
    await until(
      'sockets on both new replicas',
      () => added.every((container) => dialling.first.has(replicaName(container.Config.Labels))),
      {
        withinMs: 20_000,
      },
    )
    await dialling.stop()
    const delays = await Promise.all(
      added.map(async (one) => ((dialling.first.get(replicaName(one.Config.Labels)) ?? Number.NaN) - (await readyAt(one.Id))) / 1000),
    )
    addFigure('scaleUpTargetSeconds', targetSeconds)
    addFigure('newReplicaTrafficSeconds', delays)
    expect(dialling.errors).toEqual([])
    expect(targetSeconds).toBeLessThan(10)
    for (const delay of delays) expect(delay).toBeLessThan(3)
  })

  test('every target has the name of its replica in the labels replica and instance', async () => {
    const names = (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
    const labels = (await targets(stack, jobs.ws)).map(({ labels }) => [labels.replica, labels.instance])
    expect(labels.sort()).toEqual(names.map((name) => [name, name]))
  })

  test('down: removed replicas disappear from the targets within 10 s, and no client gets an error', async () => {
    const dialling = keepDialling()
    const startedAt = performance.now()
    await scaleTo(stack, 2)
    addFigure('scaleDownCommandSeconds', (performance.now() - startedAt) / 1000)
    const targetSeconds = await secondsUntilTargets(['ws-1', 'ws-2'])
    await dialling.stop()
    addFigure('scaleDownTargetSeconds', targetSeconds)
    expect(dialling.errors).toEqual([])
    expect(targetSeconds).toBeLessThan(10)
    expect((await containers(stack, services.ws, { stopped: true })).map(({ Config }) => replicaName(Config.Labels))).toEqual([
      'ws-1',
      'ws-2',
    ])
  })
})

describe('a draining replica', () => {
  /** The time at which `docker stop` was started, in milliseconds since 1970. */
  let stoppedAt: number
  let victim: string
  let dialling: ReturnType<typeof keepDialling>
  let staying: TestSocket[]
  let cookieErrors: string[]
  let lastReachedByCookie = 0

  beforeAll(async () => {
    await scaleTo(stack, 3)
    const first = await openSocket(stack)
    victim = first.replica
    staying = [first, ...(await Promise.all(Array.from({ length: 9 }, () => openSocket(stack, { cookie: first.cookie }))))]
    cookieErrors = []
    dialling = keepDialling()
    await until('the victim being dialled', () => dialling.first.has(victim), { withinMs: 10_000 })
    stoppedAt = Date.now()
    const stopped = docker(['stop', containerName(stack, victim)], { withinSeconds: 60 })
    while (Date.now() - stoppedAt < 8000) {
      const dialledAt = Date.now()
      try {
        const socket = await openSocket(stack, { cookie: first.cookie })
        if (socket.replica === victim) lastReachedByCookie = dialledAt
        await socket.close()
      } catch (error) {
        cookieErrors.push(String(error))
      }
      await sleep(200)
    }
    await stopped
    await dialling.stop()
  })

  test('gets no new socket after 3 s, not even from clients with its cookie, and no client gets an error', () => {
    const lastReached = Math.max(dialling.last.get(victim) ?? 0, lastReachedByCookie)
    addFigure('drainLastNewSocketSeconds', (lastReached - stoppedAt) / 1000)
    expect(lastReached - stoppedAt).toBeLessThan(3000)
    expect([...dialling.errors, ...cookieErrors]).toEqual([])
  })

  test('sends each socket a goodbye with a reconnect delay and a token', async () => {
    for (const socket of staying) {
      const goodbye = await socket.next('goodbye', 100)
      expect(goodbye).toMatchObject({ replica: victim, comeBackInMs: expect.any(Number), resumeToken: expect.any(String) })
      expect(goodbye.comeBackInMs).toBeLessThanOrEqual(goodbye.windowMs)
    }
  })

  test(`closes the remaining sockets with ${closeCodes.draining.code}, and each with a close frame`, async () => {
    const codes = await Promise.all(staying.map(async ({ closed }) => (await closed).code))
    expect(codes).toEqual(staying.map(() => closeCodes.draining.code))
  })

  test('exits with code 0 within its grace period', async () => {
    const [container] = await inspect([containerName(stack, victim)])
    expect(container?.State).toMatchObject({ Status: 'exited', ExitCode: 0, OOMKilled: false })
    await scaleTo(stack, 3)
  })
})

describe('a draining replica', () => {
  test('ignores a second SIGTERM; at SIGINT it closes all sockets with 1012 at once, and exits with code 0 before its deadline', async () => {
    await scaleTo(stack, 3)
    const socket = await openSocket(stack)
    const victim = containerName(stack, socket.replica)
    const more = await Promise.all(Array.from({ length: 9 }, () => openSocket(stack, { cookie: socket.cookie })))
    const signal = (name: 'TERM' | 'INT') => docker(['kill', '--signal', name, victim])
    await signal('TERM')
    await until('the drain', async () => (await docker(['logs', victim])).includes('"phase":"letting-go"'), { withinMs: 10_000 })
    await signal('TERM')
    socket.send({ type: 'message', data: 'still served' })
    expect((await socket.next('message_response')).data).toBe('still served')
    expect([socket, ...more].filter((one) => one.isOpen())).toHaveLength(10)
    const askedAt = performance.now()
    await signal('INT')
    const closed = await Promise.all([socket, ...more].map((one) => one.closed))
    expect(closed.map(({ code }) => code)).toEqual(closed.map(() => closeCodes.draining.code))
    const ended = await until('its end', async () => (await inspect([victim]))[0]?.State.Status === 'exited', {
      withinMs: 15_000,
      everyMs: 100,
    })
    const seconds = (performance.now() - askedAt) / 1000
    addFigure('interruptedDrainSeconds', seconds)
    expect(ended).toBe(true)
    expect(seconds).toBeLessThan(5)
    expect((await inspect([victim]))[0]?.State).toMatchObject({ ExitCode: 0, OOMKilled: false })
    await docker(['start', victim])
    await scaleTo(stack, 3)
  })
})
