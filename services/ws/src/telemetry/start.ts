/** Switches traces and exported logs on, each by its own word; what is off is not even loaded. */

import { profiles } from '@lab/contract/telemetry.ts'
import type { Config } from '../config.ts'
import { noTracer, type Tracer } from './tracer.ts'

export interface TelemetryOptions {
  /** Words that switch parts on, separated by commas: those of the contract's `profiles`, and * for all. Others mean nothing here. */
  parts: string
  logsUrl: string
  tracesUrl: string
  /** Share of what begins a trace here that is sampled, 0 to 1. */
  ratio: number
  replica: string
  version: string
  /** Told when something can't be sent; at most once in 30 s. */
  onTrouble: (text: string) => void
}

export interface Telemetry {
  tracer: Tracer
  /** Where log lines go besides standard output, if anywhere. */
  logs: { write(line: string): void } | undefined
  /** Sends what waits; takes two seconds at most. */
  stop(): Promise<void>
}

const troubleEveryMs = 30_000
const stopWithinMs = 2000

/** What a replica's settings say of it. */
export function telemetrySettings(config: Config): Pick<TelemetryOptions, 'parts' | 'logsUrl' | 'tracesUrl' | 'ratio'> {
  return {
    parts: config.TELEMETRY,
    logsUrl: config.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT,
    tracesUrl: config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    ratio: Number(config.OTEL_TRACES_SAMPLER_ARG),
  }
}

/** Starts what is switched on. */
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

/** The SDK drops what it can't send or keep and says so to its diagnostics only; from there it goes to our log. */
async function reportTrouble(onTrouble: (text: string) => void): Promise<void> {
  const { diag, DiagLogLevel } = await import('@opentelemetry/api')
  let toldAtMs = Number.NEGATIVE_INFINITY
  const tell = (text: string, ...more: unknown[]) => {
    if (performance.now() - toldAtMs < troubleEveryMs) return
    toldAtMs = performance.now()
    onTrouble([inShort(text), ...more.map(String)].join(' ').slice(0, 500))
  }
  const quiet = () => {}
  const logger = { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
}

/** The SDK reports errors as JSON with their stack; the message says it. */
function inShort(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message ?? text)
  } catch {
    // It was no JSON but words, which are as good.
    return text
  }
}
