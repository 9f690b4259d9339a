/** Exports log lines over OTLP, in addition to their output on standard output. This module is loaded only if log export is enabled. */

import { type AnyValue, SeverityNumber } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs'

/** Returns the OTLP exporter for logs. @param url the URL with its path, such as http://loki:3100/otlp/v1/logs */
export function otlpLogs(url: string): LogRecordExporter {
  return new OTLPLogExporter({ url, timeoutMillis: 5000, concurrencyLimit: 2 })
}

/**
 * Returns a destination stream for the pino logger. The queue holds up to 8192 log lines and is exported every second; log lines that do
 * not fit in the queue are dropped. The returned `stop` function exports the queued log lines.
 */
export function logExport(exporter: LogRecordExporter, resource: Record<string, string>) {
  const batches = { maxQueueSize: 8192, maxExportBatchSize: 1024, scheduledDelayMillis: 1000, exportTimeoutMillis: 5000 }
  const provider = new LoggerProvider({
    resource: resourceFromAttributes(resource),
    processors: [new BatchLogRecordProcessor({ exporter, ...batches })],
  })
  const logger = provider.getLogger('ws')
  return {
    write(line: string): void {
      const { level, time, msg, pid: _, hostname: __, ...attributes } = JSON.parse(line) as PinoLine
      const severityNumber = severities[level] ?? SeverityNumber.UNSPECIFIED
      const severityText = SeverityNumber[severityNumber]
      logger.emit({ timestamp: new Date(time), severityNumber, severityText, body: msg ?? '', attributes: known(attributes) })
    },
    stop: () => provider.shutdown(),
  }
}

interface PinoLine {
  level: number
  /** Time in ISO 8601. */
  time: string
  msg?: string
  [field: string]: unknown
}

/** The OpenTelemetry severities, by pino level. */
const severities: Record<number, SeverityNumber> = {
  10: SeverityNumber.TRACE,
  20: SeverityNumber.DEBUG,
  30: SeverityNumber.INFO,
  40: SeverityNumber.WARN,
  50: SeverityNumber.ERROR,
  60: SeverityNumber.FATAL,
}

/** Removes fields whose value is null, which OpenTelemetry attributes do not allow. */
function known(attributes: Record<string, unknown>): Record<string, AnyValue> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null)) as Record<string, AnyValue>
}
