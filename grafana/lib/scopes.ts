/** Builds panel queries about the replicas, the scaler or Traefik, with rates over the window that Grafana chooses. */
import { jobs } from '@lab/contract/endpoints.ts'
import { language, type QueryScope, queries } from '@lab/contract/queries.ts'

const window = '$__rate_interval'

/**
 * The replicas that the dashboard variables select. Other jobs have no label `replica`, so the choice "All" of the dashboard variable does
 * not include Prometheus.
 */
export const panelScope: QueryScope = { selector: 'job=~"$job", instance=~"$instance", replica!=""', window }

/** Queries for the selected replicas, from the definitions in contract/ that other parts of the lab use as well. */
export const panelQueries = queries(panelScope)

/** Helpers that build queries about the selected replicas, the scaler and Traefik. */
export const replicas = language(panelScope)
export const scaler = language({ selector: `job="${jobs.scaler}"`, window })
export const traefik = language({ selector: `job="${jobs.traefik}"`, window })
