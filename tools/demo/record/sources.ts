/** Reads the independent sources with which numbers in captions are compared: each replica's metrics, or Prometheus. */
import { appendFile } from 'node:fs/promises'
import type { EmbeddedState } from '@lab/contract/embedded-api.ts'
import { metrics, replicaLabel } from '@lab/contract/metrics.ts'
import { allReplicas, queries, stateNumbers } from '@lab/contract/queries.ts'
import { parseExposition, type Sample, sumOf } from '@lab/embedded/exposition.ts'
import type { Prometheus } from '@lab/host/prometheus.ts'
import type { NumberReading } from './numbers.ts'

/** Reads the source once. Rejects if the source, or one of its replicas, does not respond. */
export type NumberSource = () => Promise<NumberReading>

/** Time limit for a single request to a source of numbers. Milliseconds. */
const askWithinMs = 1_000
/** Interval, in milliseconds, at which a source of numbers is read. */
const readEveryMs = 400

/** The addresses at which an embedded lab's replicas serve their metrics. */
interface MetricsUrls {
  replicas: readonly Pick<EmbeddedState['replicas'][number], 'metricsUrl'>[]
}

/** Creates a source that reads the metrics of each of an embedded lab's replicas. */
export function replicasSource(state: () => Promise<MetricsUrls>): NumberSource {
  const ask = (url: string) => fetch(url, { signal: AbortSignal.timeout(askWithinMs) })
  return async () => {
    const { replicas } = await state()
    const at = Date.now()
    const urls = replicas.flatMap(({ metricsUrl }) => metricsUrl ?? [])
    const scrapes = await Promise.all(urls.map(async (url) => parseExposition(await (await ask(url)).text())))
    return { at: (at + Date.now()) / 2, source: "the replicas' metrics", values: valuesOf(scrapes) }
  }
}

/** Sums the metrics of all replicas, and gives the sums the names that captions use. */
export function valuesOf(scrapes: readonly Sample[][]): NumberReading['values'] {
  const sockets = (scrape: Sample[]) => sumOf(scrape, metrics.connectionsActive.name) ?? 0
  const ready = scrapes.filter((scrape) => sumOf(scrape, metrics.replicaState.name, { state: 'ready' }) === 1)
  const sum = scrapes.reduce((total, scrape) => total + sockets(scrape), 0)
  const filled = ready.map(sockets)
  return { sockets: sum, replicas: ready.length, ...(filled.length > 0 && { fullest: Math.max(...filled), emptiest: Math.min(...filled) }) }
}

const { connections, connectionsByReplica, stateByReplica } = queries(allReplicas)
const readyReplicas = `(${stateByReplica}) == ${stateNumbers.ready}`
const whileReady = `(${connectionsByReplica}) and on (${replicaLabel}) ${readyReplicas}`
/** The PromQL query for each number that captions can contain, by name. */
const promQl: Readonly<Record<string, string>> = {
  sockets: connections,
  replicas: `count(${readyReplicas})`,
  fullest: `max(${whileReady})`,
  emptiest: `min(${whileReady})`,
}

/**
 * Returns the values that Prometheus has for the numbers in captions at a given time.
 * @param at time in Unix milliseconds
 */
export async function askPrometheus(prometheus: Prometheus, at: number): Promise<NumberReading> {
  const answers = await Promise.all(
    Object.entries(promQl).map(async ([name, query]) => [name, await prometheus.number(query, { atSeconds: at / 1000 })] as const),
  )
  return {
    at,
    source: 'Prometheus',
    values: Object.fromEntries(answers.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  }
}

export function prometheusSource(prometheus: Prometheus): NumberSource {
  return () => askPrometheus(prometheus, Date.now())
}

/** Controls the repeated reading of a source of numbers. */
export interface NumberReadings {
  /** Reads the source immediately. Resolves when the reading has been written, or if the source did not respond. */
  now(): Promise<void>
  end(): Promise<void>
}

/**
 * Reads a source repeatedly and appends the readings to a file until `end` is called. After a failed read, the source is read again at the
 * next interval.
 * @param say called with the error message when a read fails for the first time after a success
 */
export function readRepeatedly(source: NumberSource, file: string, say: (line: string) => void): NumberReadings {
  const ended = new AbortController()
  let silent = false
  const now = async () => {
    const reading = await source().catch((error: Error) => {
      if (!silent) say(`the source of the numbers cannot be read: ${error.message}`)
      return undefined
    })
    silent = reading === undefined
    if (reading !== undefined) await appendFile(file, `${JSON.stringify(reading)}\n`)
  }
  const run = async () => {
    while (!ended.signal.aborted) {
      const began = Date.now()
      await now()
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + readEveryMs - Date.now())))
    }
  }
  const running = run()
  return {
    now,
    end: async () => {
      ended.abort()
      await running
    },
  }
}
