/** What Alertmanager posts (its webhook format, version 4), checked and cut to what the lab keeps. Pure. */
import { alertStatuses } from '@lab/contract/receiver-metrics.ts'
import { z } from 'zod'

/** Longest text that is kept of a label or an annotation, in characters. */
const maxTextLength = 1000
/** Most labels or annotations that are kept of an alert. */
const maxPairs = 32
/** Most alerts in one notification; alertmanager.yml asks for no more than a hundred. */
const maxAlerts = 200

const text = z.string().transform((value) => (value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value))
const pairs = z.record(z.string().max(200), text).refine((given) => Object.keys(given).length <= maxPairs, `more than ${maxPairs} of them`)
const time = z.iso.datetime({ offset: true })

const notification = z.object({
  version: z.literal('4'),
  truncatedAlerts: z.int().min(0).default(0),
  alerts: z
    .array(z.object({ status: z.enum(alertStatuses), labels: pairs, annotations: pairs, startsAt: time, endsAt: time }))
    .max(maxAlerts),
})

/** One alert as it was received. Times are ISO 8601. */
export interface ReceivedAlert {
  receivedAt: string
  status: (typeof alertStatuses)[number]
  labels: Record<string, string>
  annotations: Record<string, string>
  startsAt: string
  /** Null while it fires. */
  endsAt: string | null
}

export type ReadNotification = { ok: true; alerts: ReceivedAlert[]; truncated: number } | { ok: false; problem: string }

/**
 * Reads the body of a notification.
 * @param receivedAt ISO 8601
 * @returns the alerts in the order given, or one line that says what is wrong and where
 */
export function readNotification(body: string, receivedAt: string): ReadNotification {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    return { ok: false, problem: `the body is not JSON: ${(error as Error).message}` }
  }
  const read = notification.safeParse(value)
  if (!read.success) {
    const [issue] = read.error.issues
    return { ok: false, problem: `${issue?.path.join('.') || 'the body'}: ${issue?.message}` }
  }
  const alerts = read.data.alerts.map(({ endsAt, ...alert }) => ({
    receivedAt,
    ...alert,
    // While an alert fires, its end is a guess at best.
    endsAt: alert.status === 'resolved' ? endsAt : null,
  }))
  return { ok: true, alerts, truncated: read.data.truncatedAlerts }
}
