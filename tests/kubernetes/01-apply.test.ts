/** Runs the commands in docs/kubernetes.md until the lab is running, and checks the lab's pods, Ingress, page, metrics and dashboards. */

import { jobs, paths, ports, receiverPaths, services, stickyCookie } from '@lab/contract/endpoints.ts'
import { namespace } from '@lab/contract/kubernetes.ts'
import { allDashboards } from '@lab/grafana/dashboards/all.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { commandBlocks } from '../stack/lib/command-blocks.ts'
import { absentParts, block, entry, type Forwarded, forward, hpa, imageLoader, inLab, pods, readyPods, type } from './lib/cluster.ts'
import { dial } from './lib/dial.ts'

const images = block('docker build')
const rules = block('k8s/metrics-adapter')
const start = block('overlays/dev')
const ready = block('wait pod')
const watch = block('overlays/load')
// 05-commands.test.ts runs these three blocks.
const state = block('./lab status --on kubernetes')
const replace = block('./lab rollout --set LOG_LEVEL=debug --on kubernetes')
const faults = block('./lab chaos kill --on kubernetes')
const remove = block('delete namespace')
const monitoring = [services.prometheus, services.alertmanager, services.alertReceiver, services.grafana, jobs.kubeStateMetrics]
const allParts: readonly string[] = [services.ws, services.valkey, ...monitoring]
const parts = allParts.filter((part) => !absentParts.includes(part))

describe.skipIf(inject('cluster') !== 'nodes')('the lab in the cluster', () => {
  let forwarded: Forwarded

  beforeAll(async () => {
    await type(remove, 320)
    if (imageLoader !== undefined) {
      await type(images, 580)
      const names = [...images.commands.matchAll(/-t (\S+)/g)].map(([, name]) => name)
      await type({ where: 'LAB_IMAGE_LOADER', commands: `${imageLoader} ${names.join(' ')}` }, 580)
    }
    await type(rules, 60)
    await type(start, 360)
    for (const part of absentParts) await inLab(['scale', `deployment/${part}`, '--replicas=0'])
    await until('the pods of absent parts are gone', async () => (await Promise.all(absentParts.map(pods))).flat().length === 0, {
      withinMs: 60_000,
    })
    await type(ready, 320)
    forwarded = await forward()
  }, 2_400_000)

  afterAll(() => forwarded?.close())

  test('this suite runs all command blocks of the page', () => {
    expect(commandBlocks(['docs/kubernetes.md'])).toEqual([rules, images, start, ready, watch, state, replace, faults, remove])
  })

  test('every part runs, and no container was restarted', async () => {
    for (const part of parts) {
      const found = await pods(part)
      expect([part, found.length > 0]).toEqual([part, true])
      const restarted = found.filter(({ status }) => status.containerStatuses?.some(({ restartCount }) => restartCount > 0))
      expect(restarted.map(({ metadata }) => metadata.name)).toEqual([])
    }
  })

  test('the HPA reads both metrics and keeps two replicas', { timeout: 150_000 }, async () => {
    await until('two replicas', async () => (await readyPods()).length === 2, { withinMs: 60_000 })
    await until(
      'values of both metrics',
      async () => {
        const { conditions, currentMetrics } = await hpa()
        const active = conditions.some(({ type: name, status }) => name === 'ScalingActive' && status === 'True')
        const connections = currentMetrics?.some((metric) => metric.pods !== undefined)
        const cpu = currentMetrics?.some(({ resource }) => resource?.current.averageUtilization !== undefined)
        return active && connections && cpu
      },
      { withinMs: 120_000, everyMs: 1000 },
    )
  })

  test('the page and the health are served through the Ingress controller', async () => {
    const page = await fetch(new URL(paths.page, entry))
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)])
    expect((await fetch(new URL(paths.health, entry))).status).toBe(200)
    expect((await fetch(new URL(paths.metrics, entry))).status).not.toBe(200)
  })

  test('a socket gets the sticky cookie, and the cookie selects the same replica', async () => {
    const first = await dial(entry)
    expect(first.cookie).toMatch(new RegExp(`^${stickyCookie}=`))
    expect(await readyPods()).toContain(first.replica)
    for (let i = 0; i < 4; i++) expect((await dial(entry, first.cookie)).replica).toBe(first.replica)
    const others = await Promise.all(Array.from({ length: 8 }, () => dial(entry)))
    expect(new Set(others.map(({ replica }) => replica)).size).toBe(2)
  })

  test('Prometheus scrapes each replica with the labels of Compose and of the metrics adapter', async () => {
    const names = await readyPods()
    const found = await until(
      'all replicas are scraped',
      async () => {
        const up = (await forwarded.prometheus.targets(services.ws)).filter(({ health }) => health === 'up')
        return up.length === names.length ? up : undefined
      },
      { withinMs: 30_000 },
    )
    for (const name of names)
      expect(found.map(({ labels }) => labels)).toContainEqual(
        expect.objectContaining({ replica: name, instance: name, pod: name, namespace }),
      )
  })

  test.skipIf(absentParts.includes(services.grafana))('Grafana has all dashboards, and reads Prometheus', async () => {
    const grafana = forwarded.address(services.grafana, 3000)
    const found = (await (await fetch(`${grafana}/api/search?type=dash-db`)).json()) as { uid: string }[]
    expect(found.map(({ uid }) => uid).sort()).toEqual(
      allDashboards()
        .map(({ uid }) => String(uid))
        .sort(),
    )
  })

  test('Alertmanager sends alerts to the receiver', { timeout: 120_000 }, async () => {
    const receiver = forwarded.address(services.alertReceiver, ports.alerts)
    await until('the watchdog arrives', async () => (await (await fetch(`${receiver}${receiverPaths.list}`)).text()).includes('Watchdog'), {
      withinMs: 100_000,
      everyMs: 1000,
    })
  })
})
