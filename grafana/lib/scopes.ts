/** What panels look at: the series of one part of the lab, and rates over the window that Grafana chooses. */
import { jobs } from '@lab/contract/endpoints.ts'
import { language, type QueryScope, queries } from '@lab/contract/queries.ts'

const window = '$__rate_interval'

/**
 * The replicas that the variables select. Other jobs have no label `replica`, so that choosing "All" does not count
 * Prometheus among the replicas.
 */
export const panelScope: QueryScope = { selector: 'job=~"$job", instance=~"$instance", replica!=""', window }

/** The shared queries for panels. */
export const panelQueries = queries(panelScope)

/** To ask for other things than the shared queries do: of the chosen replicas, of the scaler, of Traefik. */
export const replicas = language(panelScope)
export const scaler = language({ selector: `job="${jobs.scaler}"`, window })
export const traefik = language({ selector: `job="${jobs.traefik}"`, window })
