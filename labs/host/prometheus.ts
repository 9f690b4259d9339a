/**
 * The project's only client for the Prometheus HTTP API. Every call to Prometheus has a time limit, and errors include the error message
 * from Prometheus.
 */
import { z } from 'zod'

/** The value of one series at one time. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The values of one series over time. Unix seconds. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly (readonly [atSeconds: number, value: number])[]
}

/** A scrape target as reported by Prometheus. */
export interface Target {
  readonly labels: Readonly<Record<string, string>>
  readonly health: string
  readonly lastError: string
}

export interface AskOptions {
  /** Time at which Prometheus evaluates the query, in Unix seconds; the current time if undefined. */
  atSeconds?: number
  /** Time limit for the call to Prometheus. Seconds. */
  withinSeconds?: number
  stop?: AbortSignal
}

/** Start and end of a range query in Unix seconds, and its step in seconds. */
export interface Range {
  readonly start: number
  readonly end: number
  readonly step: number
}

export interface Prometheus {
  /** Base URL of Prometheus, without a path. */
  readonly url: string
  /** Runs an instant query. Non-finite values (NaN, Inf) are omitted, as if those samples were missing. */
  query(promql: string, options?: AskOptions): Promise<Sample[]>
  /** Returns the value of a query that yields one series, or undefined if the query yields no series. */
  number(promql: string, options?: AskOptions): Promise<number | undefined>
  /** Runs an instant query with a range selector such as `up[1m]`, and returns the raw samples. */
  samples(promql: string, options?: AskOptions): Promise<Series[]>
  /** Runs a range query. Prometheus rejects queries that return more than 11,000 points per series. */
  range(promql: string, range: Range, options?: AskOptions): Promise<Series[]>
  /** Returns the active scrape targets of one job. */
  targets(job: string): Promise<Target[]>
  /** Calls a Prometheus API endpoint for which this module has no dedicated method, such as `status/flags`. */
  get<T>(path: string, data: z.ZodType<T>, options?: AskOptions): Promise<T>
  /** Returns whether Prometheus is ready. Rejects if Prometheus does not respond. */
  isReady(): Promise<boolean>
}

const defaultWithinSeconds = 5
/** Time limit for a range query, shorter than the two minutes after which Prometheus aborts a query. */
const rangeWithinSeconds = 60

const labels = z.record(z.string(), z.string())
const sample = z.tuple([z.number(), z.string()])
const vector = z.object({ resultType: z.literal('vector'), result: z.array(z.object({ metric: labels, value: sample })) })
const matrix = z.object({ resultType: z.literal('matrix'), result: z.array(z.object({ metric: labels, values: z.array(sample) })) })
const targets = z.object({ activeTargets: z.array(z.object({ labels, health: z.string(), lastError: z.string() })) })
const failed = z.object({ status: z.literal('error'), error: z.string() })

/** @param url address of Prometheus, for example http://localhost:9090 */
export function prometheusAt(url: string): Prometheus {
  const ask = async <T>(path: string, parameters: Record<string, string>, data: z.ZodType<T>, options: AskOptions = {}): Promise<T> => {
    const { withinSeconds = defaultWithinSeconds, stop } = options
    const address = new URL(`api/v1/${path}`, url.endsWith('/') ? url : `${url}/`)
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value)
    const within = AbortSignal.timeout(withinSeconds * 1000)
    let body: unknown
    try {
      const response = await fetch(address, { signal: stop ? AbortSignal.any([stop, within]) : within })
      body = await response.json()
    } catch (error) {
      throw new Error(`Prometheus at ${address.origin} does not answer: ${causeOf(error, withinSeconds)}`)
    }
    const answer = z.union([z.object({ status: z.literal('success'), data }), failed]).safeParse(body)
    const asked = parameters.query ?? path
    if (!answer.success) throw new Error(`Prometheus at ${address.origin} sent an unexpected answer to ${asked}`)
    if (answer.data.status === 'error') throw new Error(`Prometheus refuses ${asked}: ${answer.data.error}`)
    return answer.data.data
  }
  const instant = (query: string, { atSeconds }: AskOptions) => ({
    query,
    ...(atSeconds !== undefined && { time: atSeconds.toFixed(3) }),
  })
  const query = async (promql: string, options: AskOptions = {}) => {
    const { result } = await ask('query', instant(promql, options), vector, options)
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) })).filter(({ value }) => Number.isFinite(value))
  }
  return {
    url,
    query,
    number: async (promql, options) => (await query(promql, options))[0]?.value,
    samples: async (promql, options = {}) => seriesOf(await ask('query', instant(promql, options), matrix, options)),
    range: async (promql, { start, end, step }, options = {}) => {
      const parameters = { query: promql, start: start.toFixed(3), end: end.toFixed(3), step: step.toFixed(3) }
      return seriesOf(await ask('query_range', parameters, matrix, { withinSeconds: rangeWithinSeconds, ...options }))
    },
    targets: async (job) =>
      (await ask('targets', { state: 'active' }, targets)).activeTargets.filter((target) => target.labels.job === job),
    get: (path, data, options) => ask(path, {}, data, options),
    isReady: async () => (await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(defaultWithinSeconds * 1000) })).ok,
  }
}

function seriesOf({ result }: z.infer<typeof matrix>): Series[] {
  return result.map(({ metric, values }) => ({
    labels: metric,
    samples: values.map(([time, text]) => [time, Number(text)] as const).filter(([, value]) => Number.isFinite(value)),
  }))
}

function causeOf(error: unknown, withinSeconds: number): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `not within ${withinSeconds} s`
  return error.cause instanceof Error ? error.cause.message : error.message
}
