/** Finds the lab in a cluster for commands with the `--on kubernetes` option. */
import { services } from '@lab/contract/endpoints.ts'
import { namespace } from '@lab/contract/kubernetes.ts'
import type { OpenPlace } from '@lab/lab/compose/places.ts'
import type { KubernetesLab } from '@lab/lab/kubernetes/lab.ts'

/** The services with a page that no Ingress publishes, by the names that `./lab open` uses, with their ports. */
const hidden: Readonly<Record<string, { service: string; port: number }>> = {
  grafana: { service: services.grafana, port: 3000 },
  prometheus: { service: services.prometheus, port: 9090 },
  alertmanager: { service: services.alertmanager, port: 9093 },
  alerts: { service: services.alertReceiver, port: 9094 },
  traces: { service: services.jaeger, port: 16686 },
  loki: { service: services.loki, port: 3100 },
}

/** Runs a function on the lab in the cluster, and closes the lab afterwards. The lab's module is imported on demand. */
export async function onKubernetes<T>(use: (lab: KubernetesLab) => Promise<T>): Promise<T> {
  const { findLab } = await import('@lab/lab/find.ts')
  const lab = await findLab({ on: 'kubernetes' })
  try {
    return await use(lab)
  } finally {
    await lab.close()
  }
}

/** Returns the pages of the lab in a cluster that are reachable without a forwarded port. */
export function kubernetesPlaces({ entry }: Pick<KubernetesLab, 'entry'>): OpenPlace[] {
  return [{ word: 'page', what: 'test client page, sockets at /ws', url: entry }]
}

/** Returns the command that makes a page of the lab in a cluster reachable; undefined if the lab in a cluster has no such page. */
export function forwardHint(word: string): string | undefined {
  const found = hidden[word]
  if (found === undefined) return undefined
  return `kubectl -n ${namespace} port-forward service/${found.service} ${found.port}; then open http://localhost:${found.port}`
}
