/** Builds panel queries about the replicas, the autoscaler, Traefik or all containers; rates use the window that Grafana chooses. */
import { jobs, services } from '@lab/contract/endpoints.ts'
import { language, type QueryScope, queries } from '@lab/contract/queries.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'

const window = '$__rate_interval'

/**
 * The replicas that the dashboard variables select. Only replicas have the `replica` label, so selecting "All" does not include other
 * scrape targets, such as Prometheus.
 */
export const panelScope: QueryScope = { selector: 'job=~"$job", instance=~"$instance", replica!=""', window }

/** Queries about the selected replicas, built from the shared definitions in contract/. */
export const panelQueries = queries(panelScope)

/** Query builders for the selected replicas, the scaler's own metrics, the autoscaler's state, Traefik and all containers. */
export const replicas = language(panelScope)
export const scaler = language({ selector: `job="${jobs.scaler}"`, window })
export const autoscaler = language({ selector: `job="${jobs.kubeStateMetrics}"`, window })
export const traefik = language({ selector: `job="${jobs.traefik}"`, window })
export const containers = language({ selector: `job="${jobs.cadvisor}"`, window })

/** The label that distinguishes several autoscalers of one scaler. */
export const byAutoscaler = 'horizontalpodautoscaler'

/** Returns a query for a metric of the autoscaler of the ws service; other services may have autoscalers as well. */
export function ofService(metric: string): string {
  const own = autoscaler.select(scalerMetrics.info.name, `scaletargetref_name="${services.ws}"`)
  return `max(${autoscaler.select(metric)} and on (namespace, ${byAutoscaler}) ${own})`
}
