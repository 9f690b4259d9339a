/** Log lines by OTLP, besides standard output. Loaded only when that is on. */

import { type AnyValue, SeverityNumber } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs'

/** The exporter that speaks OTLP. @param url with its path, as in http://loki:3100/otlp/v1/logs */
export function otlpLogs(url: string): LogRecordExporter {
  return new OTLPLogExporter({ url, timeoutMillis: 5000, concurrencyLimit: 2 })
}

/**
 * Somewhere for pino to write to. Lines wait in a queue of 8192 and leave each second; what does not fit is dropped.
 * `stop` lets go of what waits.
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
  /** ISO 8601. */
  time: string
  msg?: string
  [field: string]: unknown
}

/** Of pino's levels. */
const severities: Record<number, SeverityNumber> = {
  10: SeverityNumber.TRACE,
  20: SeverityNumber.DEBUG,
  30: SeverityNumber.INFO,
  40: SeverityNumber.WARN,
  50: SeverityNumber.ERROR,
  60: SeverityNumber.FATAL,
}

/** JSON has null, which attributes have not. */
function known(attributes: Record<string, unknown>): Record<string, AnyValue> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null)) as Record<string, AnyValue>
}
