/** Asks a live Prometheus what the panels would ask, and remembers the newest answer of each query that had a number in it. */
import { type Need, needOf } from './needs.ts'
import { type PanelQuery, panelQueries } from './queries.ts'

export interface Series {
  labels: Record<string, string>
  value: number
}

export interface PanelAnswer extends PanelQuery {
  /** Newest ones with a number; empty: none was ever seen. */
  series: Series[]
  need: Need | undefined
}

export interface PanelWatch {
  /** Asks every query once, now. */
  look(): Promise<void>
  answers(): PanelAnswer[]
}

interface Response {
  status: string
  error?: string
  data?: { resultType: string; result: { metric: Record<string, string>; value: [number, string] }[] }
}

/** Bound on one query, and how many are asked at a time. */
const answerWithinMs = 10_000
const atATime = 8

/** @param prometheus where it answers, as in `http://127.0.0.1:9090` */
export function watchPanels(prometheus: string): PanelWatch {
  const queries = panelQueries()
  const seen = new Map<string, Series[]>()
  return {
    look: async () => {
      const distinct = [...new Set(queries.map(({ expression }) => expression))]
      const next = distinct.values()
      const worker = async () => {
        for (const expression of next) {
          const series = await ask(prometheus, expression)
          if (series.length > 0) seen.set(expression, series)
        }
      }
      await Promise.all(Array.from({ length: atATime }, worker))
    },
    answers: () => queries.map((query) => ({ ...query, series: seen.get(query.expression) ?? [], need: needOf(query) })),
  }
}

/** Those without data, though nothing is missing that they need. */
export function unexplained(answers: PanelAnswer[], had: readonly Need['name'][]): PanelAnswer[] {
  return answers.filter(({ series, need }) => series.length === 0 && (need === undefined || had.includes(need.name)))
}

async function ask(prometheus: string, expression: string): Promise<Series[]> {
  const response = await fetch(new URL('/api/v1/query', prometheus), {
    method: 'POST',
    body: new URLSearchParams({ query: expression }),
    signal: AbortSignal.timeout(answerWithinMs),
  })
  const { status, error, data } = (await response.json()) as Response
  if (status !== 'success' || data?.resultType !== 'vector') throw new Error(`${expression}: ${error ?? `a ${data?.resultType}`}`)
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) })).filter(({ value }) => !Number.isNaN(value))
}
