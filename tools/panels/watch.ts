/** Sends all panel queries to Prometheus, and stores each query's newest non-empty result. */
import { prometheusAt, type Sample } from '@lab/host/prometheus.ts'
import { type Need, needOf } from './needs.ts'
import { type PanelQuery, panelQueries } from './queries.ts'

export interface PanelAnswer extends PanelQuery {
  /** The series from the newest non-empty result; empty if every result was empty. */
  series: readonly Sample[]
  need: Need | undefined
}

export interface PanelWatch {
  /** Sends every panel query to Prometheus once. */
  poll(): Promise<void>
  answers(): PanelAnswer[]
}

/** Time limit, in seconds, for one query, and maximum number of concurrent queries. */
const withinSeconds = 10
const atATime = 8

/** Creates a watch. @param url Prometheus' address, for example `http://127.0.0.1:9090` */
export function watchPanels(url: string): PanelWatch {
  const prometheus = prometheusAt(url)
  const queries = panelQueries()
  const seen = new Map<string, readonly Sample[]>()
  return {
    poll: async () => {
      const distinct = [...new Set(queries.map(({ expression }) => expression))]
      const next = distinct.values()
      const worker = async () => {
        for (const expression of next) {
          const series = await prometheus.query(expression, { withinSeconds })
          if (series.length > 0) seen.set(expression, series)
        }
      }
      await Promise.all(Array.from({ length: atATime }, worker))
    },
    answers: () => queries.map((query) => ({ ...query, series: seen.get(query.expression) ?? [], need: needOf(query) })),
  }
}

/**
 * Returns the unexpectedly empty results: those whose query has no condition, or a condition that was met.
 * @param had the conditions that were met while the panels were being observed
 */
export function unexplained(answers: PanelAnswer[], had: readonly Need['name'][]): PanelAnswer[] {
  return answers.filter(({ series, need }) => series.length === 0 && (need === undefined || had.includes(need.name)))
}
