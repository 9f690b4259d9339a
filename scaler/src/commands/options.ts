/** Options and arguments that several commands take. */
import { hostPorts } from '@lab/contract/endpoints.ts'
import { InvalidArgumentError, Option } from 'commander'

/** From the project's root. */
export const defaultMetricMap = 'scaler/metrics.yaml'

/** Where Prometheus is for whoever is on the host. */
export function prometheusOnHost(): string {
  return `http://127.0.0.1:${process.env.PROMETHEUS_PORT || hostPorts.PROMETHEUS_PORT}`
}

export function prometheusOption(): Option {
  return new Option('--prometheus <url>', 'where Prometheus is')
    .env('SCALER_PROMETHEUS')
    .default(prometheusOnHost(), 'on this host, at PROMETHEUS_PORT')
}

export function metricMapOption(): Option {
  return new Option('--metric-map <file>', 'which PromQL stands for which metric').env('SCALER_METRIC_MAP').default(defaultMetricMap)
}

/** Reads a number within bounds. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= min && value <= max)) throw new InvalidArgumentError(`Allowed are numbers from ${min} to ${max}.`)
    return value
  }
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Reads a length of time as in 90s, 15m, 1.5h or 2d; in seconds. */
export function duration(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? []
  const seconds = Number(amount) * (unitSeconds[unit] ?? Number.NaN)
  if (!(seconds > 0)) throw new InvalidArgumentError('Allowed are lengths of time as in 90s, 15m, 1.5h or 2d.')
  return seconds
}

/** Reads a moment: ISO 8601 with its time zone, or Unix seconds; in Unix seconds. */
export function moment(text: string): number {
  const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d.*(Z|[+-]\d\d:\d\d)$/.test(text)
  const seconds = isIso ? Date.parse(text) / 1000 : Number(text.trim() === '' ? Number.NaN : text)
  if (!(seconds >= 0)) throw new InvalidArgumentError('Allowed are times as in 2026-01-31T12:00:00Z, and Unix seconds.')
  return seconds
}
