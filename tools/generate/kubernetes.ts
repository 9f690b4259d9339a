/** Generates the Kubernetes manifests from the files in this repository. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { namespace } from '@lab/contract/kubernetes.ts'
import { composeFile } from '@lab/host/compose-file.ts'
import { composeServices } from '@lab/host/compose-service.ts'
import { parse } from 'yaml'
import { labModel } from './architecture.ts'
import { manifests } from './kubernetes/manifests.ts'
import type { MetricMap, PrometheusConfig } from './kubernetes/monitoring.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const readYaml = <T>(path: string) => parse(read(path), { merge: true }) as T
const listed = (folder: string, ending: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => `${folder}/${name}`)

const composeFiles = ['compose.yaml', 'compose.k8s-sim.yaml']
const rulesFolder = 'prometheus/rules'
const provisioning = 'grafana/provisioning'

/**
 * Returns the generated files in k8s/, and a kustomization for each folder whose files are mounted into pods.
 * @param dashboards paths of the dashboards, relative to the repository root
 */
export function kubernetesFiles(dashboards: readonly string[]): ReadonlyMap<string, string> {
  return manifests({
    compose: composeServices(
      composeFiles.map((path) => composeFile(path, read)),
      { COMPOSE_PROJECT_NAME: namespace },
    ),
    calls: labModel().calls,
    version: (JSON.parse(read('package.json')) as { version: string }).version,
    prometheus: readYaml<PrometheusConfig>('prometheus/prometheus.yml'),
    rules: listed(rulesFolder, '.rules.yaml'),
    grafana: [
      ...['datasources', 'dashboards', 'plugins', 'alerting'].flatMap((kind) => listed(`${provisioning}/${kind}`, '.yaml')),
      ...dashboards,
    ],
    hpa: read('scaler/hpa.yaml'),
    metricMap: readYaml<MetricMap>('scaler/metrics.yaml'),
  })
}
