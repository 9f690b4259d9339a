/** Reads the load that Prometheus has recorded, for `replay --from prometheus`. */

import { services } from '@lab/contract/endpoints.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import type { Command } from 'commander'
import { Option } from 'commander'
import { parse } from 'yaml'
import { z } from 'zod'
import { requestLabelPrefix, requestsOf } from '../adapters/docker.ts'
import { queryRange } from '../adapters/prometheus.ts'
import type { MetricSpec } from '../core/types.ts'
import { defaultControllerOptions } from '../core/types.ts'
import { readMetricMap } from '../metric-map.ts'
import type { SyncInput } from '../replay/load.ts'
import { maxMoments, momentsOf, observationsOf, queriesFor, type TimeRange } from '../replay/recorded-range.ts'
import { hint } from './log.ts'
import { duration, metricMapOption, moment, number, prometheusOption } from './options.ts'

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

/** Adds the command-line options that select the recorded data in Prometheus. */
export function addRecordedLoadOptions(command: Command): Command {
  const range = new Option('--range <length>', 'with Prometheus: length of the range up to --until (default: 1h)').argParser(duration)
  return command
    .addOption(range.conflicts('since'))
    .addOption(new Option('--since <time>', 'with Prometheus: start of the range').argParser(moment))
    .addOption(new Option('--until <time>', 'with Prometheus: end of the range (default: now)').argParser(moment))
    .addOption(new Option('--step <length>', 'with Prometheus: sync interval (default: the sync period)').argParser(duration))
    .addOption(new Option('--time-scale <factor>', 'with Prometheus: time compression factor').default(1).argParser(number(1, 100)))
    .addOption(new Option('--requests <file>', 'Compose file with the resource requests of a replica').default(defaultRequestsFile))
    .addOption(prometheusOption())
    .addOption(metricMapOption())
}

/**
 * Returns the observations that a control loop with the given metrics would have made in the time range.
 * @param textOf reads a file; exits with a one-line error message if the file cannot be read
 * @throws Error if Prometheus does not respond or has no data about replicas in the time range
 */
export async function readRecordedLoad(
  options: RecordedLoadOptions,
  metrics: readonly MetricSpec[],
  program: Command,
  textOf: (file: string) => Promise<string>,
): Promise<SyncInput[]> {
  const { prometheus, metricMap, timeScale } = options
  // Returns the value of a successful result; otherwise exits with code 2.
  const accepted = <T>(result: Result<T>): T =>
    result.ok ? result.value : program.error(`error: ${result.problems.join('\n')}`, { exitCode: 2 })
  const range = accepted(rangeOf(options, Date.now() / 1000))
  const map = accepted(readMetricMap(await textOf(metricMap), metricMap))
  const asked = await queriesFor(metrics, map)
  const queries = accepted(asked.ok ? asked : failure(`${metricMap}: ${asked.problems.join('; ')}`))
  const requestsMilli = accepted(requestsIn(await textOf(options.requests), options.requests))

  const recorded = await queryRange(prometheus, queries, range, new AbortController().signal)
  const observations = await observationsOf(recorded, { metrics, map, replica: { service: services.ws, requestsMilli }, timeScale })
  const [first, last] = [observations.at(0), observations.at(-1)].map((one) =>
    one === undefined ? '' : isoTime(one.timeSeconds / timeScale),
  )
  if (observations.length < 2) {
    throw new Error(
      `Prometheus at ${prometheus} has recorded no replicas from ${isoTime(range.sinceSeconds)} to ${isoTime(range.untilSeconds)}`,
    )
  }
  hint(`${observations.length} points recorded from ${first} to ${last}, ${range.stepSeconds} s apart`)
  return observations.map((observation) => ({ observation, options: defaultControllerOptions }))
}

/** Returns the time range that the options describe, or the error messages for invalid options. */
export function rangeOf({ range, since, until, step, timeScale }: RecordedLoadOptions, nowSeconds: number): Result<TimeRange> {
  // Prometheus accepts times only in whole milliseconds.
  const stepSeconds = Math.round((step ?? defaultControllerOptions.syncPeriodSeconds / timeScale) * 1000) / 1000
  const untilSeconds = Math.round((until ?? nowSeconds) * 1000) / 1000
  const sinceSeconds = Math.round((since ?? untilSeconds - (range ?? defaultRangeSeconds)) * 1000) / 1000
  const whole = { sinceSeconds, untilSeconds, stepSeconds }
  if (stepSeconds <= 0) return failure('--step: allowed is 0.001 s or more')
  if (sinceSeconds >= untilSeconds) {
    return failure(`--since ${isoTime(sinceSeconds)} is not before --until ${isoTime(untilSeconds)}`)
  }
  const moments = momentsOf(whole)
  if (moments > maxMoments) return failure(`${moments} points: allowed are ${maxMoments}; use a longer --step or a shorter range`)
  return success(whole)
}

const composeSchema = z.looseObject({
  services: z.looseObject({
    [services.ws]: z.looseObject({ labels: z.union([z.record(z.string(), z.unknown()), z.array(z.string())]).default({}) }),
  }),
})

/** Returns the resource requests defined in the service's labels. */
function requestsIn(text: string, file: string): Result<Record<string, number>> {
  try {
    const { labels = {} } = composeSchema.parse(parse(text)).services[services.ws] ?? {}
    const pairs = Array.isArray(labels) ? labels.map((label) => label.split(/=(.*)/s)) : Object.entries(labels)
    const named = pairs.map(([name = '', value = '']) => [name, String(value)] as const)
    return success(requestsOf(Object.fromEntries(named)))
  } catch (error) {
    const why = error instanceof z.ZodError ? `no service ${services.ws} with labels ${requestLabelPrefix}*` : String(error)
    return failure(`${file}: ${why}`)
  }
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString()
}
