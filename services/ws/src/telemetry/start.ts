/**
 * Starts exporting traces and logs, depending on which of them are enabled. The libraries that a disabled telemetry part needs are not
 * loaded.
 */

import { profiles } from '@lab/contract/telemetry.ts'
import type { Config } from '../config.ts'
import { noTracer, type Tracer } from './tracer.ts'

export interface TelemetryOptions {
  /**
   * Names of the enabled parts, separated by commas: names from `profiles` in the shared contract/ folder, or * for all parts. Unknown part
   * names are ignored.
   */
  parts: string
  logsUrl: string
  tracesUrl: string
  /** The fraction of new traces that are sampled, 0 to 1. */
  ratio: number
  replica: string
  version: string
  /** Called at most once every 30 s while telemetry data cannot be exported. */
  onTrouble: (text: string) => void
}

export interface Telemetry {
  tracer: Tracer
  /** Additional destination for log lines, if log export is enabled. */
  logs: { write(line: string): void } | undefined
  /** Exports the queued telemetry data, but waits at most two seconds for the export to finish. */
  stop(): Promise<void>
}

const troubleEveryMs = 30_000
const stopWithinMs = 2000

/** Returns the telemetry options from the replica's settings. */
export function telemetrySettings(config: Config): Pick<TelemetryOptions, 'parts' | 'logsUrl' | 'tracesUrl' | 'ratio'> {
  return {
    parts: config.TELEMETRY,
    logsUrl: config.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT,
    tracesUrl: config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    ratio: Number(config.OTEL_TRACES_SAMPLER_ARG),
  }
}

/** Starts the enabled telemetry parts. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { parts, logsUrl, tracesUrl, ratio, replica, version, onTrouble } = options
  const words = parts.split(',').map((word) => word.trim())
  const has = (part: string) => words.includes(part) || words.includes('*')
  const [logging, tracing] = [has(profiles.logging), has(profiles.tracing)]
  if (!logging && !tracing) return { tracer: noTracer, logs: undefined, stop: async () => {} }

  await reportTrouble(onTrouble)
  const resource = { 'service.name': 'ws', 'service.version': version, 'service.instance.id': replica }
  const stops: (() => Promise<void>)[] = []
  let tracer = noTracer
  let logs: Telemetry['logs']
  if (tracing) {
    const { otelTracer, otlpSpans } = await import('./otel-tracer.ts')
    const started = otelTracer({ exporter: otlpSpans(tracesUrl), resource, ratio, random: Math.random, now: () => performance.now() })
    tracer = started.tracer
    stops.push(started.stop)
  }
  if (logging) {
    const { logExport, otlpLogs } = await import('./log-export.ts')
    const started = logExport(otlpLogs(logsUrl), resource)
    logs = started
    stops.push(started.stop)
  }
  const stop = async () => {
    const bound = new Promise((resolve) => setTimeout(resolve, stopWithinMs).unref())
    await Promise.race([Promise.allSettled(stops.map((stopOne) => stopOne())), bound])
  }
  return { tracer, logs, stop }
}

/**
 * Forwards the OpenTelemetry SDK's diagnostics to the log: they are the only reports of telemetry data that was dropped or could not be
 * exported.
 */
async function reportTrouble(onTrouble: (text: string) => void): Promise<void> {
  const { diag, DiagLogLevel } = await import('@opentelemetry/api')
  let reportedAtMs = Number.NEGATIVE_INFINITY
  const report = (text: string, ...more: unknown[]) => {
    if (performance.now() - reportedAtMs < troubleEveryMs) return
    reportedAtMs = performance.now()
    onTrouble([inShort(text), ...more.map(String)].join(' ').slice(0, 500))
  }
  const quiet = () => {}
  const logger = { error: report, warn: report, info: quiet, debug: quiet, verbose: quiet }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
}

/** Returns the message of an error that the OpenTelemetry SDK reports as JSON together with its stack. */
function inShort(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message ?? text)
  } catch {
    // A diagnostic that is a plain message instead of JSON is returned unchanged.
    return text
  }
}
