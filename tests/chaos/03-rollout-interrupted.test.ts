/**
 * Interrupts a rollout with Ctrl-C, a Traefik restart, a Valkey outage, a killed replica, and a Docker engine that does not respond. In
 * each case, the rollout must either finish or print the command with which the user can continue it.
 * The test that kills the rollout command itself is in tests/stack/22-rollout.test.ts.
 */
import { rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { startLab } from '../stack/lib/lab-command.ts'
import { compose, containers, scaleTo } from '../stack/lib/stack.ts'

const stack = inject('stack')
/** The timeout is long, because other programs may be using the machine. */
const withinMs = 400_000
const timeout = 2 * withinMs

const start = (args: readonly string[], env: Record<string, string> = {}) => startLab(stack, ['rollout', ...args], { env, withinMs })

const replicas = () => containers(stack, services.ws)
const ids = async () => (await replicas()).map(({ Id }) => Id)

/** Waits until a new replica is healthy, and returns it. */
async function updated(before: readonly string[]) {
  return until(
    'a replica of the new version is healthy',
    async () => (await replicas()).find(({ Id, State }) => !before.includes(Id) && State.Health?.Status === 'healthy'),
    { withinMs },
  )
}

/** Expects that the number of replicas is unchanged, that every replica has been replaced, and that no unfinished rollout remains. */
async function expectReplaced(before: readonly string[]): Promise<void> {
  const after = await ids()
  expect(after).toHaveLength(before.length)
  expect(after.filter((id) => before.includes(id))).toEqual([])
  expect((await start(['resume'])).all).toContain('there is no rollout to resume')
}

beforeAll(() => scaleTo(stack, 2), 120_000)
afterAll(() => scaleTo(stack, 3), 120_000)

test('Ctrl-C ends the command before its next step with a one-line message, and resume continues the rollout', { timeout }, async () => {
  const before = await ids()
  const running = start(['restart'])
  await updated(before)
  running.kill('SIGINT')
  const { exitCode, all = '' } = await running
  expect(exitCode, all).toBe(130)
  expect(all).toMatch(/the rollout is not finished: \.\/lab rollout resume continues it, \.\/lab rollout undo reverts it/)
  expect((await replicas()).length).toBeGreaterThanOrEqual(2)
  const resumed = await start(['resume'])
  expect(resumed.exitCode, resumed.all).toBe(0)
  await expectReplaced(before)
})

test('a restart of Traefik, an outage of Valkey and a killed replica of the new version only delay the rollout', { timeout }, async () => {
  const before = await ids()
  const running = start(['restart'])
  const { Id, Config } = await updated(before)
  await docker(['kill', Id])
  await Promise.all([
    compose(stack, ['restart', services.traefik], { withinSeconds: 90 }),
    compose(stack, ['stop', services.valkey], { withinSeconds: 60 }).then(() => compose(stack, ['start', services.valkey])),
  ])
  const { exitCode, all = '' } = await running
  expect(exitCode, all).toBe(0)
  expect(all).toContain(`${replicaName(Config.Labels)} was killed; another one takes its place`)
  await expectReplaced(before)
})

test('the rollout waits a limited time for a Docker engine that does not answer, and prints a line', { timeout }, async () => {
  const before = await ids()
  const engine = await engineThatHangs()
  const running = start(['restart'], { DOCKER_HOST: `unix://${engine.path}` })
  await updated(before)
  engine.hang(true)
  let said = ''
  running.all?.on('data', (chunk: Buffer) => {
    said += String(chunk)
  })
  await until('a call has reached its bound', () => /no answer within \d+ s; trying again/.test(said), { withinMs: 150_000 })
  engine.hang(false)
  const { exitCode, all } = await running
  expect(exitCode, all).toBe(0)
  await expectReplaced(before)
})

/** Creates a proxy for the Docker engine, with its own socket; while the proxy simulates a hang, it forwards nothing. */
async function engineThatHangs(): Promise<{ path: string; hang: (hangs: boolean) => void }> {
  const path = join(tmpdir(), `engine-${process.pid}.sock`)
  const pairs = new Set<Socket>()
  let hanging = false
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const engine = connect({ path: '/var/run/docker.sock', allowHalfOpen: true })
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      pairs.add(from)
      from.on('data', (chunk) => {
        if (!hanging) to.write(chunk)
      })
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => pairs.delete(from))
    }
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => {
    for (const socket of pairs) socket.destroy()
    server.close()
    rmSync(path, { force: true })
  })
  return {
    path,
    hang: (hangs) => {
      hanging = hangs
    },
  }
}
