/** Prometheus's HTTP API: queries at one moment, and over a range of time. Every call has a bound. */
import { z } from 'zod'
import type { MetricMap } from '../metric-map.ts'
import type { Ask, Series } from '../metric-readings.ts'
import { readMetrics } from '../metric-readings.ts'
import type { MetricSource, ReadWorkingSets } from '../ports.ts'
import type { RecordedRange, TimeRange } from '../replay/recorded-range.ts'
import { timesOf } from '../replay/recorded-range.ts'

/** Bound on one query, in seconds: an answer later than that says nothing about now. */
const queryWithinSeconds = 5
/** Bound on one query over a range, in seconds: Prometheus itself gives up after two minutes. */
const rangeWithinSeconds = 60
/** Moments in one answer: Prometheus refuses more than 11,000. */
const momentsPerAnswer = 5000

const labels = z.record(z.string(), z.string())
const sample = z.tuple([z.number(), z.string()])
const errorSchema = z.object({ status: z.literal('error'), error: z.string() })
const vectorSchema = z.object({
  resultType: z.literal('vector'),
  result: z.array(z.object({ metric: labels, value: sample })),
})
const matrixSchema = z.object({
  resultType: z.literal('matrix'),
  result: z.array(z.object({ metric: labels, values: z.array(sample) })),
})

/**
 * @param containerName what the one container of a replica is called in observations
 * @param workingSets where resources that the mapping file leaves to Docker come from
 */
export function prometheusSource(baseUrl: string, map: MetricMap, containerName: string, workingSets: ReadWorkingSets): MetricSource {
  return {
    read: (metrics, signal) => {
      const ask: Ask = (query) => instantQuery(baseUrl, query, signal)
      return readMetrics(metrics, map, containerName, { ask, workingSets: () => workingSets(signal) })
    },
  }
}

/** An instant query's series. Values that are no numbers are left out, as a missing sample is. */
async function instantQuery(baseUrl: string, query: string, signal: AbortSignal): Promise<Series[]> {
  const { result } = await call(baseUrl, 'query', { query }, vectorSchema, queryWithinSeconds, signal)
  return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) })).filter(({ value }) => Number.isFinite(value))
}

/** What each query would have answered at each moment of the range, as recorded. Rejects when one of them can't be had. */
export async function queryRange(
  baseUrl: string,
  queries: readonly string[],
  range: TimeRange,
  signal: AbortSignal,
): Promise<RecordedRange> {
  const timesSeconds = timesOf(range)
  const answers = new Map<string, readonly (readonly Series[])[]>()
  // One after another: a long range is work for Prometheus, which has others to serve.
  for (const query of queries) answers.set(query, await answersTo(baseUrl, query, timesSeconds, range.stepSeconds, signal))
  return { timesSeconds, answers }
}

async function answersTo(
  baseUrl: string,
  query: string,
  timesSeconds: readonly number[],
  stepSeconds: number,
  signal: AbortSignal,
): Promise<Series[][]> {
  const answers: Series[][] = timesSeconds.map(() => [])
  for (let first = 0; first < timesSeconds.length; first += momentsPerAnswer) {
    const start = timesSeconds[first] ?? 0
    const end = timesSeconds[Math.min(first + momentsPerAnswer, timesSeconds.length) - 1] ?? start
    const parameters = { query, start: start.toFixed(3), end: end.toFixed(3), step: stepSeconds.toFixed(3) }
    const { result } = await call(baseUrl, 'query_range', parameters, matrixSchema, rangeWithinSeconds, signal)
    for (const { metric, values } of result) {
      for (const [time, text] of values) {
        const value = Number(text)
        if (Number.isFinite(value)) answers[first + Math.round((time - start) / stepSeconds)]?.push({ labels: metric, value })
      }
    }
  }
  return answers
}

async function call<Data>(
  baseUrl: string,
  path: string,
  parameters: { readonly query: string } & Readonly<Record<string, string>>,
  dataSchema: z.ZodType<Data>,
  withinSeconds: number,
  signal: AbortSignal,
): Promise<Data> {
  const url = new URL(`api/v1/${path}`, baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  const bound = AbortSignal.any([signal, AbortSignal.timeout(withinSeconds * 1000)])
  let body: unknown
  try {
    const response = await fetch(url, { signal: bound })
    body = await response.json()
  } catch (error) {
    throw new Error(`Prometheus at ${url.origin} does not answer: ${causeOf(error, withinSeconds)}`)
  }
  const answer = z.union([z.object({ status: z.literal('success'), data: dataSchema }), errorSchema]).safeParse(body)
  const { query } = parameters
  if (!answer.success) throw new Error(`Prometheus at ${url.origin} answers something else than series to ${query}`)
  if (answer.data.status === 'error') throw new Error(`Prometheus refuses ${query}: ${answer.data.error}`)
  return answer.data.data
}

function causeOf(error: unknown, withinSeconds: number): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `not within ${withinSeconds} s`
  return error.cause instanceof Error ? error.cause.message : error.message
}
