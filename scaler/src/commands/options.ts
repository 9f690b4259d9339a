/** Options and argument parsers shared by several commands. */
import { hostPorts } from '@lab/contract/endpoints.ts'
import { allowedDurations, readDuration } from '@lab/host/durations.ts'
import { InvalidArgumentError, Option } from 'commander'

/** Path of the mapping file, relative to the root of the checkout. */
export const defaultMetricMap = 'scaler/metrics.yaml'

/** Returns the URL at which Prometheus is reachable on the host. */
export function prometheusOnHost(): string {
  return `http://127.0.0.1:${process.env.PROMETHEUS_PORT || hostPorts.PROMETHEUS_PORT}`
}

export function prometheusOption(): Option {
  return new Option('--prometheus <url>', 'URL of Prometheus')
    .env('SCALER_PROMETHEUS')
    .default(prometheusOnHost(), 'port PROMETHEUS_PORT on this host')
}

/** Returns the option with the paths of the HPA files. */
export function hpaOption(): Option {
  return new Option(
    '--hpa <paths>',
    'files and folders that contain HorizontalPodAutoscalers, separated by commas; each file may have several documents',
  )
    .env('SCALER_HPA')
    .default('scaler/hpa.yaml')
}

export function metricMapOption(): Option {
  return new Option('--metric-map <file>', 'file that maps metrics to PromQL').env('SCALER_METRIC_MAP').default(defaultMetricMap)
}

/** Returns a parser that accepts numbers from `min` to `max`. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= min && value <= max)) throw new InvalidArgumentError(`Allowed are numbers from ${min} to ${max}.`)
    return value
  }
}

/** Parses a duration such as 90s, 15m, 1.5h or 2d. Returns seconds. */
export function duration(text: string): number {
  const seconds = readDuration(text)
  if (seconds === undefined) throw new InvalidArgumentError(`Allowed are ${allowedDurations}.`)
  return seconds
}

/** Parses a point in time, given in ISO 8601 format with a time zone or in Unix seconds. Returns Unix seconds. */
export function moment(text: string): number {
  const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d.*(Z|[+-]\d\d:\d\d)$/.test(text)
  const seconds = isIso ? Date.parse(text) / 1000 : Number(text.trim() === '' ? Number.NaN : text)
  if (!(seconds >= 0)) throw new InvalidArgumentError('Allowed are times such as 2026-01-31T12:00:00Z, and Unix seconds.')
  return seconds
}
