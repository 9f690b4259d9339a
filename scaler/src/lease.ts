/**
 * The lease that allows one scaler of a state folder to act. A second scaler stands by, and takes over when the lease has expired or was
 * released. Pure: times are passed as arguments, in Unix seconds.
 */
import { z } from 'zod'

export const leaseSchema = z.strictObject({ holder: z.string().min(1), renewedSeconds: z.number() })
export type Lease = z.infer<typeof leaseSchema>

/** How long a lease lasts after its last renewal, as in Kubernetes' leader election. Seconds. */
export const leaseSeconds = 15
/** How often the holder renews its lease, and how often a scaler that stands by looks at it. Seconds. */
export const renewEverySeconds = 2

/** Whether a scaler may take or renew the lease. @param lease undefined if there is no lease */
export function mayHold(lease: Lease | undefined, self: string, nowSeconds: number): boolean {
  return lease === undefined || lease.holder === self || !isCurrent(lease, nowSeconds)
}

/** Whether a lease or a note has been renewed recently. A time in the future is that of a clock that was set back. */
export function isCurrent({ renewedSeconds }: Lease, nowSeconds: number): boolean {
  return Math.abs(nowSeconds - renewedSeconds) <= leaseSeconds
}
