/** Where numbers come from, asked by ourselves: each replica's metrics, or Prometheus. What is said is held against it. */
import { appendFile } from 'node:fs/promises'
import { z } from 'zod'
import { readEmbeddedState } from '../../chaos/embedded-state.ts'
import { askNumber } from '../../cli/src/prometheus.ts'
import { metrics, replicaLabel } from '../../contract/src/metrics.ts'
import { allReplicas, queries, stateNumbers } from '../../contract/src/queries.ts'
import { parseExposition, type Sample, sumOf } from '../../embedded/src/exposition.ts'
import type { NumberReading } from './numbers.ts'

/** Reads the source once. Rejects when it, or a part of it, does not answer. */
export type NumberSource = () => Promise<NumberReading>

/** Bound on one question. Milliseconds. */
const askWithinMs = 1_000
/** How often the source is read. Milliseconds. */
const readEveryMs = 400

const state = z.object({ replicas: z.array(z.object({ metricsUrl: z.string().nullable() })) })

/**
 * The metrics of each replica of an embedded lab.
 * @param page its live page, which says where they are
 */
export function replicasSource(page: string): NumberSource {
  const ask = (url: string) => fetch(url, { signal: AbortSignal.timeout(askWithinMs) })
  return async () => {
    const { replicas } = await readEmbeddedState(page, state)
    const at = Date.now()
    const urls = replicas.flatMap(({ metricsUrl }) => metricsUrl ?? [])
    const scrapes = await Promise.all(urls.map(async (url) => parseExposition(await (await ask(url)).text())))
    return { at: (at + Date.now()) / 2, source: "the replicas' metrics", values: valuesOf(scrapes) }
  }
}

/** What the metrics of all replicas together say, by the names that texts use. */
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
/** The same numbers for Prometheus. */
const promQl: Readonly<Record<string, string>> = {
  sockets: connections,
  replicas: `count(${readyReplicas})`,
  fullest: `max(${whileReady})`,
  emptiest: `min(${whileReady})`,
}

/**
 * What Prometheus says, or said.
 * @param url of Prometheus
 * @param at Unix milliseconds
 */
export async function askPrometheus(url: string, at: number): Promise<NumberReading> {
  const answers = await Promise.all(
    Object.entries(promQl).map(async ([name, query]) => [name, await askNumber(url, query, at / 1000)] as const),
  )
  return {
    at,
    source: 'Prometheus',
    values: Object.fromEntries(answers.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  }
}

/** @param url of Prometheus */
export function prometheusSource(url: string): NumberSource {
  return () => askPrometheus(url, Date.now())
}

/** Readings of a source that are kept in a file. */
export interface Readings {
  /** One more reading, at once. Resolves when it is kept, or the source did not answer. */
  now(): Promise<void>
  end(): Promise<void>
}

/**
 * Reads a source again and again, into a file, until it is ended. A source that does not answer for a moment is asked again.
 * @param say told why it did not answer, once for each time in a row
 */
export function keepReading(source: NumberSource, file: string, say: (line: string) => void): Readings {
  const ended = new AbortController()
  let silent = false
  const now = async () => {
    const reading = await source().catch((error: Error) => {
      if (!silent) say(`the numbers cannot be read from their source: ${error.message}`)
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
