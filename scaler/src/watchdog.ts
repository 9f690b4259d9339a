/** Knows when each autoscaler last synced, and which of them are stuck. Times are passed as arguments. */
export interface Watchdog {
  begin(name: string, nowSeconds: number): void
  synced(name: string, nowSeconds: number): void
  end(name: string): void
  /** Returns the reason why a control loop counts as stuck, or null if all of them make progress. */
  stuck(nowSeconds: number): string | null
  /** Whether every autoscaler has finished its first sync. */
  ready(): boolean
}

/**
 * @param limitSeconds the longest time between two syncs: the maximum duration of a sync with a scaling action, plus the longest pause
 * before the next sync
 */
export function syncWatchdog(limitSeconds: number): Watchdog {
  const loops = new Map<string, { seenAt: number; synced: boolean }>()
  return {
    begin: (name, nowSeconds) => void loops.set(name, { seenAt: nowSeconds, synced: false }),
    synced: (name, nowSeconds) => void loops.set(name, { seenAt: nowSeconds, synced: true }),
    end: (name) => void loops.delete(name),
    stuck: (nowSeconds) => {
      const lines = [...loops].flatMap(([name, { seenAt }]) => {
        const idleSeconds = Math.round(nowSeconds - seenAt)
        return idleSeconds > limitSeconds ? [`no synchronisation of ${name} for ${idleSeconds} s`] : []
      })
      return lines.length === 0 ? null : lines.join('; ')
    },
    ready: () => loops.size > 0 && [...loops.values()].every(({ synced }) => synced),
  }
}
