/** Tests that one scaler scales two services with an autoscaler each, and that a second scaler stands by and takes over. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import { decisionLogPath, readDecisionLog } from '@lab/scaler/decision-log.ts'
import { verify } from '@lab/scaler/replay/verify.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { root } from './lib/compose-file.ts'
import { compose, containers, environmentOf, tryCompose, url } from './lib/stack.ts'

const stack = inject('stack')
const files = ['compose.yaml', 'tests/stack/lib/second.yaml']
const fileArgs = files.flatMap((file) => ['-f', file])
const second = 'second'
/** Period of the syncs: 15 s divided by this factor. */
const timeScale = 15
const withinMs = 60_000

let folder = ''
let scaler: ReturnType<typeof start>
let standby: ReturnType<typeof start>
let replicasBefore = 0

function hpa(name: string, maxReplicas: number): string {
  return `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: ${name} }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: ${name} }
  maxReplicas: ${maxReplicas}
  metrics:
    - type: External
      external: { metric: { name: load }, target: { type: AverageValue, averageValue: "1" } }
  behavior: { scaleDown: { stabilizationWindowSeconds: 0 } }
`
}

/** Sets the number of replicas that each service needs, through the query of its own metric. */
async function setLoad(load: Readonly<Record<string, number>>): Promise<void> {
  const queries = Object.entries(load).map(([name, value]) => `  ${name}: { external: [{ name: load, query: vector(${value}) }] }\n`)
  await writeFile(join(folder, 'metrics.yaml'), `${await readFile(`${root}scaler/metrics.yaml`, 'utf8')}\nservices:\n${queries.join('')}`)
}

const state = () => join(folder, 'state')

function start() {
  const paths = ['--hpa', join(folder, 'hpa'), '--metric-map', join(folder, 'metrics.yaml'), '--state', state()]
  const lab = ['--prometheus', url(stack, 'PROMETHEUS_PORT'), '--project-name', stack.project, '--file', ...files]
  return execa(process.execPath, ['scaler/src/main.ts', 'run', ...paths, ...lab, '--time-scale', String(timeScale)], {
    cwd: root,
    env: environmentOf(stack),
    reject: false,
    all: true,
    stdin: 'ignore',
    timeout: 180_000,
    forceKillAfterDelay: 20_000,
  })
}

const get = async (...args: readonly string[]) =>
  (await execa(process.execPath, ['scaler/src/main.ts', 'get', 'hpa', ...args, '--state', state()], { cwd: root, timeout: 30_000 })).stdout
const records = () => readDecisionLog(decisionLogPath(state()))
const counts = async () => Promise.all([services.ws, second].map(async (name) => (await containers(stack, name)).length))
const reach = (ws: number, other: number) =>
  until(`${ws} replicas of ws and ${other} of second`, async () => (await counts()).join() === [ws, other].join(), { withinMs })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'several-'))
  replicasBefore = (await containers(stack, services.ws)).length
  await compose(stack, [...fileArgs, 'up', '-d', '--no-deps', '--no-build', second], { withinSeconds: 60 })
  await setLoad({ ws: replicasBefore, second: 1 })
  await mkdir(join(folder, 'hpa'))
  await writeFile(join(folder, 'hpa', 'two.yaml'), [hpa('ws', replicasBefore + 1), hpa(second, 3)].join('---\n'))
  // Traefik has a fixed host port, so it cannot be scaled, and no service has the last name.
  await writeFile(join(folder, 'hpa', 'bad.yaml'), [hpa('traefik', 2), hpa('nowhere', 2)].join('---\n'))
  scaler = start()
  await until('a decision of each autoscaler', async () => new Set((await records()).map(({ hpa: { name } }) => name)).size === 4, {
    withinMs,
  })
  standby = start()
}, 180_000)

afterAll(async () => {
  for (const process of [scaler, standby]) process?.kill('SIGTERM')
  await Promise.all([scaler, standby])
  await tryCompose(stack, [...fileArgs, 'rm', '--stop', '--force', second], { withinSeconds: 60 })
  await rm(folder, { recursive: true, force: true })
}, 120_000)

test('two autoscalers scale two services up and down', { timeout: 180_000 }, async () => {
  const startedAt = performance.now()
  await setLoad({ ws: replicasBefore + 1, second: 3 })
  await reach(replicasBefore + 1, 3)
  await setLoad({ ws: replicasBefore, second: 1 })
  await reach(replicasBefore, 1)
  addFigure('severalSeconds', (performance.now() - startedAt) / 1000)
  // The record of an action is written when the action has ended.
  const actions = async (name: string) => (await records()).flatMap(({ hpa: own, action }) => (own.name === name && action ? [action] : []))
  const ended = async () => (await actions(second)).at(-1)?.to === 1 && (await actions(services.ws)).at(-1)?.to === replicasBefore
  await until('the records of the last actions', ended, { withinMs })
  for (const [name, least, most] of [['ws', replicasBefore, replicasBefore + 1] as const, [second, 1, 3] as const]) {
    const own = await actions(name)
    expect(new Set(own.map(({ result }) => result))).toEqual(new Set(['Succeeded']))
    expect(Math.max(...own.map(({ to }) => to))).toBe(most)
    expect(own.at(-1)?.to).toBe(least)
  }
  for (const own of Map.groupBy(await records(), ({ hpa: { name } }) => name).values()) expect(verify(own).differences).toEqual([])
})

test('services that cannot be scaled are reported, and the others go on', async () => {
  const conditionOf = async (name: string) =>
    (await records()).findLast(({ hpa: own }) => own.name === name)?.decision.conditions.find(({ type }) => type === 'AbleToScale')
  expect(await conditionOf('traefik')).toMatchObject({
    reason: 'FailedGetScale',
    message: expect.stringMatching(/the service traefik cannot be scaled: compose\.yaml:\d+ binds the host port/),
  })
  expect((await conditionOf('nowhere'))?.message).toContain('the Compose files have no service nowhere (compose.yaml, second.yaml)')
})

test('a second scaler stands by, and takes over', { timeout: 120_000 }, async () => {
  await until('the second scaler stands by', async () => (await get()).includes('stands by'), { withinMs })
  expect(await get()).toMatch(/\nnowhere .*\nsecond .*\ntraefik .*\nws .*$/)
  const before = (await records()).length
  scaler.kill('SIGTERM')
  expect((await scaler).exitCode).toBe(0)
  await until('a record of the second scaler', async () => (await records()).length > before + 4, { withinMs })
  standby.kill('SIGTERM')
  const { all, exitCode } = await standby
  expect(exitCode).toBe(0)
  expect(all).toMatch(/standing by: \S+ scales this project/)
  expect(all).toContain(`second: scaling second of ${stack.project} between 1 and 3, TIME COMPRESSED 15x`)
})
