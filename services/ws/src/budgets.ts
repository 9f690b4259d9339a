/** Limits the resources that all connections of a replica use together, in the replica and in the store. Pure. */
import type { StoreStats } from './stores.ts'

/**
 * Selects the connections that must be closed so that the total use of a resource falls to its limit. The connections that use the most of
 * the resource are closed first.
 * @param holders a map whose keys are all connections that use the resource
 * @param held a function that returns how much of the resource a connection uses, as a number of 0 or more
 * @param limit the limit of the total use, in the unit of `held`
 * @returns an empty list while the total is within the limit, otherwise the connections that use the most of the resource, largest use
 * first
 */
export function overLimit<T>(holders: ReadonlyMap<T, unknown>, held: (holder: T) => number, limit: number): T[] {
  let sum = 0
  for (const holder of holders.keys()) sum += held(holder)
  if (sum <= limit) return []
  const bySize = [...holders.keys()].map((holder) => ({ holder, size: held(holder) })).sort((a, b) => b.size - a.size)
  const closing: T[] = []
  for (const { holder, size } of bySize) {
    if (sum <= limit) break
    closing.push(holder)
    sum -= size
  }
  return closing
}

/** The maximum number of rooms of a session that the store accepts when it is nearly full. */
const fewRooms = 10
const nearlyFull = 0.8

/**
 * Returns the maximum number of rooms of a session that may be stored.
 * @param stats the statistics of the store, if the replica uses a store
 * @param most the maximum number of rooms while the store has free memory
 */
export function storableRooms(stats: StoreStats | undefined, most: number): number {
  const full = stats !== undefined && stats.memoryLimitBytes > 0 && stats.memoryBytes >= nearlyFull * stats.memoryLimitBytes
  return full ? Math.min(fewRooms, most) : most
}
