/** The load that Prometheus has on record, for `replay --from prometheus`. */

import { resolve } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import type { Command } from 'commander'
import { Option } from 'commander'
import { parse } from 'yaml'
import { z } from 'zod'
import { requestLabelPrefix, requestsOf } from '../adapters/docker.ts'
import { queryRange } from '../adapters/prometheus.ts'
import type { MetricSpec } from '../core/types.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { readMetricMap } from '../metric-map.ts'
import type { Seen } from '../replay/load.ts'
import { maxMoments, momentsOf, observationsOf, queriesFor, type TimeRange } from '../replay/recorded-range.ts'
import { hint } from './log.ts'
import { defaultMetricMap, duration, metricMapOption, moment, number, prometheusOption } from './options.ts'

export interface RecordedLoadOptions {
  readonly prometheus: string
  readonly metricMap: string
  readonly requests: string
  readonly range?: number
  readonly since?: number
  readonly until?: number
  readonly step?: number
  readonly timeScale: number
}

const defaultRangeSeconds = 3600
const defaultRequestsFile = 'compose.k8s-sim.yaml'

/** Adds the options that say what to read from Prometheus. */
export function addRecordedLoadOptions(command: Command): Command {
  const range = new Option('--range <length>', 'of Prometheus: how long a time, up to --until; 1h otherwise').argParser(duration)
  return command
    .addOption(range.conflicts('since'))
    .addOption(new Option('--since <time>', 'of Prometheus: from when on').argParser(moment))
    .addOption(new Option('--until <time>', 'of Prometheus: up to when; now otherwise').argParser(moment))
    .addOption(new Option('--step <length>', 'of Prometheus: how often it synchronises; the sync period otherwise').argParser(duration))
    .addOption(new Option('--time-scale <factor>', 'of Prometheus: as if time had been compressed').default(1).argParser(number(1, 100)))
    .addOption(new Option('--requests <file>', 'Compose file that says what a replica requests').default(defaultRequestsFile))
    .addOption(prometheusOption())
    .addOption(metricMapOption())
}

/**
 * What a loop would have seen in that time, for these metrics.
 * @param textOf reads a file, or ends the program with one line
 * @throws Error when Prometheus is away or has nothing of that time
 */
export async function readRecordedLoad(
  options: RecordedLoadOptions,
  metrics: readonly MetricSpec[],
  program: Command,
  textOf: (file: string) => Promise<string>,
): Promise<Seen[]> {
  const refuse = (message: string): never => program.error(`error: ${message}`, { exitCode: 2 })
  const { prometheus, metricMap, timeScale } = options
  const range = rangeOf(options, Date.now() / 1000)
  if ('error' in range) return refuse(range.error)
  const read = readMetricMap(await textOf(pathOf(metricMap)), metricMap)
  if ('problems' in read) return refuse(read.problems.join('\n'))
  const asked = await queriesFor(metrics, read.map)
  if ('problems' in asked) return refuse(`${metricMap}: ${asked.problems.join('; ')}`)
  const requestsMilli = requestsIn(await textOf(pathOf(options.requests)), options.requests)
  if ('error' in requestsMilli) return refuse(requestsMilli.error)

  const recorded = await queryRange(prometheus, asked.queries, range, new AbortController().signal)
  const replica = { service: services.ws, ...requestsMilli }
  const observations = await observationsOf(recorded, metrics, read.map, replica, timeScale)
  const [first, last] = [observations.at(0), observations.at(-1)].map((one) =>
    one === undefined ? '' : isoTime(one.timeSeconds / timeScale),
  )
  if (observations.length < 2) {
    throw new Error(
      `Prometheus at ${prometheus} has no replicas on record from ${isoTime(range.sinceSeconds)} to ${isoTime(range.untilSeconds)}`,
    )
  }
  hint(`${observations.length} moments on record from ${first} to ${last}, ${range.stepSeconds} s apart`)
  return observations.map((observation) => ({ observation, options: defaultControllerOptions }))
}

/** What is not named by the user is in the project's root, wherever the user is. */
function pathOf(file: string): string {
  return file === defaultRequestsFile || file === defaultMetricMap ? resolve(file) : file
}

/** What the options come to, or what is wrong with them. */
export function rangeOf({ range, since, until, step, timeScale }: RecordedLoadOptions, nowSeconds: number): TimeRange | { error: string } {
  // Whole milliseconds, as Prometheus takes them.
  const stepSeconds = Math.round((step ?? defaultControllerOptions.syncPeriodSeconds / timeScale) * 1000) / 1000
  const untilSeconds = Math.round((until ?? nowSeconds) * 1000) / 1000
  const sinceSeconds = Math.round((since ?? untilSeconds - (range ?? defaultRangeSeconds)) * 1000) / 1000
  const whole = { sinceSeconds, untilSeconds, stepSeconds }
  if (stepSeconds <= 0) return { error: '--step: allowed are a thousandth of a second and more' }
  if (sinceSeconds >= untilSeconds) {
    return { error: `--since ${isoTime(sinceSeconds)} is not before --until ${isoTime(untilSeconds)}` }
  }
  const moments = momentsOf(whole)
  if (moments > maxMoments) return { error: `${moments} moments: allowed are ${maxMoments}; take a longer --step or a shorter time` }
  return whole
}

const composeSchema = z.looseObject({
  services: z.looseObject({
    [services.ws]: z.looseObject({ labels: z.union([z.record(z.string(), z.unknown()), z.array(z.string())]).default({}) }),
  }),
})

/** The requests that the labels of the service state, as its containers will carry them. */
function requestsIn(text: string, file: string): { readonly requestsMilli: Record<string, number> } | { readonly error: string } {
  try {
    const { labels = {} } = composeSchema.parse(parse(text)).services[services.ws] ?? {}
    const pairs = Array.isArray(labels) ? labels.map((label) => label.split(/=(.*)/s)) : Object.entries(labels)
    const named = pairs.map(([name = '', value = '']) => [name, String(value)] as const)
    return { requestsMilli: requestsOf(Object.fromEntries(named)) }
  } catch (error) {
    const why = error instanceof z.ZodError ? `no service ${services.ws} with labels ${requestLabelPrefix}*` : String(error)
    return { error: `${file}: ${why}` }
  }
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString()
}
