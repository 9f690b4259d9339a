/** Limits how much of each resource a replica's connections may use in total, whether in the replica or in the store. Pure. */
import type { StoreStats } from './stores.ts'

/**
 * Selects the connections to close so that the total use of a resource no longer exceeds its limit. The connections that use the most of
 * the resource are closed first.
 * @param holders a map whose keys are the connections that use the resource
 * @param held a function that returns how much of the resource a connection uses; the result is never negative
 * @param limit the maximum total use, in the same unit as `held`
 * @returns the connections to close, in order of decreasing use; empty if the total is within the limit
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

/** Maximum number of rooms that a stored session may have while the store is nearly full. */
const fewRooms = 10
const nearlyFull = 0.8

/**
 * Returns the maximum number of rooms that a stored session may have.
 * @param stats the store's statistics, if the replica uses a store
 * @param most the maximum number of rooms per session while the store has enough free memory
 */
export function storableRooms(stats: StoreStats | undefined, most: number): number {
  const full = stats !== undefined && stats.memoryLimitBytes > 0 && stats.memoryBytes >= nearlyFull * stats.memoryLimitBytes
  return full ? Math.min(fewRooms, most) : most
}
