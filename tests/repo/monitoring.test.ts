/** Checks that the Grafana and Prometheus configurations match each other, the shared contract, and the dashboards. */

import { readNotification } from '@lab/alert-receiver/notification.ts'
import { grafana, hostPorts, jobs, livePaths, ports, receiverPaths, scalerPaths, services } from '@lab/contract/endpoints.ts'
import { replicaLabel } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
import { dashboardFiles, readDashboard } from './lib/expressions.ts'
import { readYaml, repoFiles } from './lib/repo-files.ts'

interface Datasources {
  apiVersion: number
  datasources: { uid: string; type: string; url: string; jsonData: { timeInterval: string } }[]
}
interface Providers {
  apiVersion: number
  providers: { type: string; folder: string; folderUid?: string; allowUiUpdates: boolean; options: { path: string } }[]
}
interface ScrapeJob {
  job_name: string
  scrape_interval?: string
  docker_sd_configs?: unknown[]
  relabel_configs?: { target_label?: string; regex?: string; replacement?: string }[]
}
interface Prometheus {
  global: { scrape_interval: string; evaluation_interval: string }
  scrape_configs: ScrapeJob[]
}

const provisioned = (kind: string) => repoFiles((path) => new RegExp(`^grafana/provisioning/${kind}/.*\\.ya?ml$`).test(path))
const prometheus = readYaml<Prometheus>('prometheus/prometheus.yml')

describe("Grafana's data sources", () => {
  const datasources = provisioned('datasources').flatMap((file) => readYaml<Datasources>(file).datasources)

  test('include the data source that the dashboards select', () => {
    const source = datasources.find(({ uid }) => uid === grafana.datasourceUid)
    expect(source).toMatchObject({ type: 'prometheus', url: `http://${services.prometheus}:9090` })
    // Grafana derives $__rate_interval from the data source's scrape interval.
    // With a wrong scrape interval, panels would show "No data" or hide changes.
    expect(source?.jsonData.timeInterval).toBe(prometheus.global.scrape_interval)
  })

  test('are in files with apiVersion 1', () => {
    for (const file of provisioned('datasources')) expect(readYaml<Datasources>(file).apiVersion, file).toBe(1)
  })
})

test('Grafana finds each of its provisioning folders, because it logs an error for a folder that is missing', () => {
  for (const kind of ['datasources', 'dashboards', 'plugins', 'alerting']) expect(provisioned(kind), kind).not.toEqual([])
})

describe("Grafana's dashboard provider", () => {
  const files = provisioned('dashboards')
  const providers = files.flatMap((file) => readYaml<Providers>(file).providers)

  test('reads the folder with the generated dashboards', () => {
    expect(providers).toHaveLength(1)
    expect(providers[0]).toMatchObject({ type: 'file', allowUiUpdates: false, options: { path: '/etc/grafana/provisioning/dashboards' } })
    expect(files.map((file) => readYaml<Providers>(file).apiVersion)).toEqual([1])
  })

  test('gives its folder a uid that differs from every dashboard, because both share one namespace', () => {
    expect(dashboardFiles.map((file) => readDashboard(file).uid)).not.toContain(providers[0]?.folderUid)
  })
})

describe("Prometheus's scrape jobs", () => {
  const job = (name: string) => prometheus.scrape_configs.find(({ job_name }) => job_name === name)

  test('are those of the contract', () => {
    expect(prometheus.scrape_configs.map(({ job_name }) => job_name).sort()).toEqual(Object.values(jobs).sort())
  })

  test('set the label replica for replicas only', () => {
    const labelled = prometheus.scrape_configs.filter(({ relabel_configs = [] }) =>
      relabel_configs.some(({ target_label }) => target_label === replicaLabel),
    )
    expect(labelled.map(({ job_name }) => job_name)).toEqual([jobs.ws])
  })

  test('scrape replicas on their internal port', () => {
    const address = job(jobs.ws)?.relabel_configs?.find(({ target_label }) => target_label === '__address__')
    expect(address?.replacement).toBe(`$1:${ports.internal}`)
  })

  test('scrape the scaler for its own metrics, and for those of kube-state-metrics', () => {
    const own = job(jobs.scaler)
    expect(job(jobs.kubeStateMetrics)).toEqual({
      job_name: jobs.kubeStateMetrics,
      metrics_path: scalerPaths.kubeState,
      docker_sd_configs: own?.docker_sd_configs,
      relabel_configs: own?.relabel_configs,
    })
  })

  test("scrape the live page's server for its own metrics, and less often for those of all containers", () => {
    const { static_configs, ...cadvisor } = (job(jobs.cadvisor) ?? {}) as Record<string, unknown>
    expect(static_configs).toEqual([{ targets: [`${services.live}:${ports.live}`] }])
    expect(cadvisor).toMatchObject({ metrics_path: livePaths.containers, scrape_interval: '15s' })
  })

  test('scrape replicas at the global interval', () => {
    expect(job(jobs.ws)?.scrape_interval ?? prometheus.global.scrape_interval).toBe(prometheus.global.scrape_interval)
  })
})

describe("Alertmanager's configuration", () => {
  interface Alertmanager {
    route: { receiver: string; routes?: unknown[] }
    receivers: { name: string; webhook_configs?: { url: string; send_resolved: boolean; max_alerts: number }[] }[]
  }
  const { route, receivers } = readYaml<Alertmanager>('alertmanager/alertmanager.yml')

  test('sends every alert and its resolution to the receiver of the lab only', () => {
    const url = `http://${services.alertReceiver}:${ports.alerts}${receiverPaths.webhook}`
    expect(route).not.toHaveProperty('routes')
    expect(receivers.map(({ name }) => name)).toEqual([route.receiver])
    expect(receivers[0]?.webhook_configs).toEqual([expect.objectContaining({ url, send_resolved: true })])
  })

  test('sends at most as many alerts at once as the receiver accepts', () => {
    const [webhook] = receivers[0]?.webhook_configs ?? []
    const alert = (i: number) => ({ status: 'firing', labels: { i: String(i) }, annotations: {}, startsAt: iso, endsAt: iso })
    const iso = '2026-01-02T03:04:05Z'
    const body = { version: '4', alerts: Array.from({ length: webhook?.max_alerts ?? Number.NaN }, (_, i) => alert(i)) }
    expect(readNotification(JSON.stringify(body), iso)).toMatchObject({ ok: true })
  })
})

describe('the ports in links of alerts', () => {
  const { services: defined } = readYaml<{ services: Record<string, { environment?: Record<string, string> }> }>('compose.yaml')

  test("come from the variables of the host's ports, and are not labels of sent alerts", () => {
    const { global, alerting } = readYaml<{
      global: { external_labels: Record<string, string> }
      alerting: { alert_relabel_configs: { regex: string; action: string }[] }
    }>('prometheus/prometheus.yml')
    const labels = Object.entries(global.external_labels)
    for (const [, value] of labels) {
      const variable = value.replace(/^\$\{(\w+)\}$/, '$1') as keyof typeof hostPorts
      expect(defined[services.prometheus]?.environment?.[variable]).toBe(`\${${variable}:-${hostPorts[variable]}}`)
    }
    expect(alerting.alert_relabel_configs).toEqual([{ regex: labels.map(([name]) => name).join('|'), action: 'labeldrop' }])
  })
})
