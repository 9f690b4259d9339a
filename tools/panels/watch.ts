/** Sends the queries of all panels to Prometheus, and stores the newest non-empty answer of each query. */
import { prometheusAt, type Sample } from '@lab/host/prometheus.ts'
import { type Need, needOf } from './needs.ts'
import { type PanelQuery, panelQueries } from './queries.ts'

export interface PanelAnswer extends PanelQuery {
  /** The series of the newest non-empty answer; empty if every answer was empty. */
  series: readonly Sample[]
  need: Need | undefined
}

export interface PanelWatch {
  /** Sends every query once. */
  poll(): Promise<void>
  answers(): PanelAnswer[]
}

/** Time limit of a query, and the maximum number of concurrent queries. */
const withinSeconds = 10
const atATime = 8

/** Creates a watch. @param url address of Prometheus, for example `http://127.0.0.1:9090` */
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
 * Returns the empty answers that are unexpected, because the query has no condition or the condition of the query was met.
 * @param had the conditions that were met during the observation of the panels
 */
export function unexplained(answers: PanelAnswer[], had: readonly Need['name'][]): PanelAnswer[] {
  return answers.filter(({ series, need }) => series.length === 0 && (need === undefined || had.includes(need.name)))
}
