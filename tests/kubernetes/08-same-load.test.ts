/**
 * Runs the same k6 load on the lab on Compose and on the lab in the cluster at the same time, with the same image and the same HPA file, and
 * compares the desired number of replicas. Needs Docker as well as a cluster.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { allReplicas, queries } from '@lab/contract/queries.ts'
import { kubectl } from '@lab/host/kubectl.ts'
import type { Prometheus } from '@lab/host/prometheus.ts'
import { root } from '@lab/host/root.ts'
import { until } from '@lab/host/until.ts'
import { startLoad, stopLoad } from '@lab/lab/kubernetes/load.ts'
import { decisionLogPath, readDecisionLog } from '@lab/scaler/decision-log.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { addFigure } from '../lib/figures.ts'
import { freePorts } from '../stack/lib/global-setup.ts'
import { startLab } from '../stack/lib/lab-command.ts'
import { prometheusOf } from '../stack/lib/stack.ts'
import { type Forwarded, forward, hpa, inLab, pods, readyPods } from './lib/cluster.ts'
import { changesOf, compare, type Point, sameLoadHtml } from './lib/same-load.ts'

const sockets = 250
const loadSeconds = 120
/** Long enough for the load, the stabilization window of 120 s and the removal of one replica. */
const comparedSeconds = 330
const project = 'lab-same-load'
const state = `${root}reports/${project}/scaler`
/** Number of connections that shows that the load has begun. */
const begun = 5

describe.skipIf(inject('cluster') !== 'nodes')('the same load', () => {
  let compose: Point[] = []
  let cluster: Point[] = []
  let forwarded: Forwarded
  let env: Record<string, string> = {}
  const lab = (args: readonly string[], withinMs: number) => startLab({ project, env }, args, { withinMs })

  beforeAll(async () => {
    env = { ...(await freePorts()), COMPOSE_PROJECT_NAME: project }
    await until('two pods', async () => (await readyPods()).length === 2 && (await pods()).length === 2, { withinMs: 300_000 })
    forwarded = await forward()
    const up = await lab(['up', '--k8s-sim', '--without', services.grafana], 200_000)
    expect(up.exitCode, up.all).toBe(0)
    const onCompose = prometheusOf({ project, env })
    const onTwo = async () => {
      const last = (await readDecisionLog(decisionLogPath(state))).at(-1)
      return last?.decision.desiredReplicas === 2 && (await hpa()).desiredReplicas === 2
    }
    await until('both autoscalers want two replicas', onTwo, { withinMs: 300_000 })
    const startedAt = Date.now()
    const [composeBegan, clusterBegan] = [beginning(onCompose), beginning(forwarded.prometheus)]
    await startLoad({ scenario: 'default', sockets, seconds: loadSeconds })
    const load = lab(['load', 'default', '--sockets', String(sockets), '--duration', `${loadSeconds}s`], (loadSeconds + 100) * 1000)
    const observed: { atMs: number; replicas: number }[] = []
    const end = startedAt + (comparedSeconds + 40) * 1000
    const observe = async () => {
      const { desiredReplicas } = await hpa()
      observed.push({ atMs: Date.now(), replicas: desiredReplicas })
      return Date.now() > end
    }
    await until('the end of the comparison', observe, { withinMs: 500_000, everyMs: 500 })
    const ran = await load
    expect(ran.exitCode, ran.all).toBe(0)
    const records = await readDecisionLog(decisionLogPath(state))
    const zero = await composeBegan
    compose = known(
      records.map(({ decision: { timeSeconds, desiredReplicas } }) => ({ at: timeSeconds - zero / 1000, replicas: desiredReplicas })),
    )
    const clusterZero = await clusterBegan
    cluster = known(observed.map(({ atMs, replicas }) => ({ at: (atMs - clusterZero) / 1000, replicas })))
    const { serverVersion } = JSON.parse(await kubectl(['version', '-o', 'json'])) as { serverVersion: { gitVersion: string } }
    const date = new Date().toISOString().slice(0, 10)
    await mkdir(`${root}reports`, { recursive: true })
    const html = sameLoadHtml({ compose, cluster, seconds: comparedSeconds, sockets, kubernetes: serverVersion.gitVersion, date })
    await writeFile(`${root}reports/same-load.html`, html)
    addFigure('sameLoad', { compose, cluster, ...compare(compose, cluster, comparedSeconds) })
  }, 1_000_000)

  afterAll(async () => {
    forwarded?.close()
    await stopLoad()
    await lab(['down'], 120_000)
  }, 180_000)

  test('both use the same HPA file', async () => {
    const applied = JSON.parse(await inLab(['get', 'hpa', services.ws, '-o', 'json'])) as { spec: object }
    const { spec } = parse(await readFile(`${root}scaler/hpa.yaml`, 'utf8')) as { spec: object }
    expect(applied.spec).toMatchObject(spec)
  })

  test('both scale from 2 to 3 and back, and differ by at most one replica for at most 15 s', () => {
    expect([compose, cluster].map((curve) => curve.map(({ replicas }) => replicas))).toEqual([
      [2, 3, 2],
      [2, 3, 2],
    ])
    const { most, longestSeconds } = compare(compose, cluster, comparedSeconds)
    expect(most).toBeLessThanOrEqual(1)
    expect(longestSeconds).toBeLessThanOrEqual(15)
  })
})

/** Returns the changes of a curve. Before an autoscaler has read its metrics for the first time, the desired number is 0. */
function known(points: readonly { at: number; replicas: number | null }[]): Point[] {
  return changesOf(points.flatMap(({ at, replicas }) => (replicas === null || replicas === 0 ? [] : [{ at, replicas }])))
}

/** Returns when the load's first connections were scraped. Unix milliseconds. */
async function beginning(prometheus: Prometheus): Promise<number> {
  const { connections } = queries(allReplicas)
  const open = async () => ((await prometheus.query(connections))[0]?.value ?? 0) >= begun
  await until('the first connections', open, { withinMs: 120_000, everyMs: 250 })
  return Date.now()
}
