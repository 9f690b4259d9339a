/** Updates the diagrams between the markers in docs/architecture.md, based on the Compose files and the shared contract/ folder. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { containerMetrics } from '@lab/contract/container-metrics.ts'
import { paths, ports, receiverPaths, replicaHeader, services } from '@lab/contract/endpoints.ts'
import { loadMetrics, prometheusName, trendStats } from '@lab/contract/load-metrics.ts'
import { clientMessageTypes, serverMessageTypes } from '@lab/contract/messages.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { receiverMetrics } from '@lab/contract/receiver-metrics.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { composeFile } from '@lab/host/compose-file.ts'
import { defaultControllerOptions } from '@lab/scaler/core/types.ts'
import { readHpa } from '@lab/scaler/manifest/read.ts'
import { settings } from '@lab/ws/config.ts'
import { parse } from 'yaml'
import { type ComposeFile, type Model, modelOf, type PrometheusConfig } from './diagrams/compose-model.ts'
import { dataFlowDiagram } from './diagrams/data-flow.ts'
import { flowchartText } from './diagrams/mermaid.ts'
import { scalingLoopDiagram } from './diagrams/scaling-loop.ts'
import { networkDiagram, systemDiagram } from './diagrams/system.ts'

const root = join(import.meta.dirname, '..', '..')
const page = 'docs/architecture.md'
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const readYaml = <T>(path: string) => parse(read(path), { merge: true }) as T
const readFolder = (path: string) =>
  readdirSync(join(root, path))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => read(join(path, name)))
    .join('\n')

/** Builds the lab's model from the Compose files and all configuration files that contain service addresses. */
export function labModel(): Model {
  return modelOf({
    files: ['compose.yaml', 'compose.k8s-sim.yaml'].map((path) => composeFile<ComposeFile>(path, read)),
    prometheus: readYaml<PrometheusConfig>('prometheus/prometheus.yml'),
    configuration: {
      [services.traefik]: read('traefik/traefik.yaml') + readFolder('traefik/dynamic'),
      [services.prometheus]: read('prometheus/prometheus.yml'),
      [services.alertmanager]: read('alertmanager/alertmanager.yml'),
      [services.grafana]: readFolder('grafana/provisioning/datasources'),
      [services.ws]: Object.values(settings)
        .map((setting) => String(setting.default))
        .join('\n'),
    },
  })
}

/** Returns the Mermaid text of every diagram, by marker name. */
export function diagrams(): ReadonlyMap<string, string> {
  const model = labModel()
  return new Map([
    ['system', flowchartText(systemDiagram(model))],
    ['network', flowchartText(networkDiagram(model))],
    ['data-flow', flowchartText(dataFlowDiagram(contract))],
    ['scaling-loop', flowchartText(scalingLoopDiagram(loopFacts()))],
  ])
}

const contract = {
  services,
  ports,
  paths,
  clientMessageTypes,
  serverMessageTypes,
  replicaHeader,
  internalPaths: [paths.metrics, paths.livez, paths.readyz],
  webhook: receiverPaths.webhook,
  metrics: {
    ws: Object.values(metrics).map(({ name }) => name),
    scaler: Object.values(scalerMetrics).map(({ name }) => name),
    'alert-receiver': Object.values(receiverMetrics).map(({ name }) => name),
    live: [...Object.values(liveMetrics), ...Object.values(containerMetrics)].map(({ name }) => name),
    k6: Object.values(loadMetrics).map((metric) => prometheusName(metric, trendStats[1])),
  },
}

function loopFacts() {
  const file = 'scaler/hpa.yaml'
  const result = readHpa(read(file), file, defaultControllerOptions.featureGates)
  if (!result.ok) throw new Error(`${file} is invalid; the tests of the scaler report the reason`)
  const { scrape_interval } = readYaml<{ global: { scrape_interval: string } }>('prometheus/prometheus.yml').global
  const views = [scalerMetrics.statusCurrentReplicas.name, scalerMetrics.statusDesiredReplicas.name]
  return { hpa: result.value, controller: defaultControllerOptions, scrapeInterval: scrape_interval, views }
}

/** Renders the architecture page as Markdown. @throws Error unless the page contains each diagram's markers exactly once */
export function architecturePage(): string {
  return [...diagrams()].reduce((text, [name, diagram]) => fill(text, name, diagram), read(page))
}

function fill(text: string, name: string, diagram: string): string {
  const begin = `<!-- diagram ${name}: drawn by \`npm run generate\` -->`
  const end = `<!-- end of diagram ${name} -->`
  const [before, old = '', ...more] = text.split(begin)
  const at = old.indexOf(end)
  if (at < 0 || more.length > 0) throw new Error(`${page} must contain the diagram ${name} exactly once, between ${begin} and ${end}`)
  return `${before}${begin}\n\n\`\`\`mermaid\n${diagram}\n\`\`\`\n\n${old.slice(at)}`
}
