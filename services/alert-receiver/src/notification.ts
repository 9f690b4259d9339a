/** Validates notifications in version 4 of Alertmanager's webhook format, and shortens long labels and annotations. Pure. */
import { alertStatuses } from '@lab/contract/receiver-metrics.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import { z } from 'zod'

/** Maximum stored length of a label or an annotation, in characters. */
const maxTextLength = 1000
/** Maximum number of labels, and of annotations, per alert. */
const maxPairs = 32
/** Maximum number of alerts in a notification; it is higher than the limit of a hundred in alertmanager.yml. */
const maxAlerts = 200

const text = z.string().transform((value) => (value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value))
const pairs = z.record(z.string().max(200), text).refine((given) => Object.keys(given).length <= maxPairs, `more than ${maxPairs} entries`)
const time = z.iso.datetime({ offset: true })

const notification = z.object({
  version: z.literal('4'),
  truncatedAlerts: z.int().min(0).default(0),
  alerts: z
    .array(z.object({ status: z.enum(alertStatuses), labels: pairs, annotations: pairs, startsAt: time, endsAt: time }))
    .max(maxAlerts),
})

/** A received alert. Times are ISO 8601. */
export interface ReceivedAlert {
  receivedAt: string
  status: (typeof alertStatuses)[number]
  labels: Record<string, string>
  annotations: Record<string, string>
  startsAt: string
  /** End time of the alert; null while the alert is firing. */
  endsAt: string | null
}

export interface Notification {
  /** The alerts, in the same order as in the notification. */
  alerts: ReceivedAlert[]
  /** Number of alerts that Alertmanager omitted from the notification. */
  truncated: number
}

/**
 * Parses the body of an Alertmanager notification.
 * @param receivedAt the time of receipt in ISO 8601
 * @returns the alerts, or one line that describes the error and its position in the body
 */
export function readNotification(body: string, receivedAt: string): Result<Notification> {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    return failure(`the body is not JSON: ${(error as Error).message}`)
  }
  const read = notification.safeParse(value)
  if (!read.success) {
    const [issue] = read.error.issues
    return failure(`${issue?.path.join('.') || 'the body'}: ${issue?.message}`)
  }
  const alerts = read.data.alerts.map(({ endsAt, ...alert }) => ({
    receivedAt,
    ...alert,
    // The end time of an alert that is still firing is only an estimate.
    endsAt: alert.status === 'resolved' ? endsAt : null,
  }))
  return success({ alerts, truncated: read.data.truncatedAlerts })
}
