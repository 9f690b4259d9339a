/** What something was brought to last, and whether it got there. Pure. */

/** Brings it to something else, and does nothing when it is there already. Rejects when it fails; the next time it is tried again. */
export type Bring<T> = (wanted: T) => Promise<void>

/**
 * @param now how it was found
 * @param isSame whether being at one is being at the other
 * @param bring may fail half way: then nobody knows how it is, whatever was wanted or was there before
 */
export function kept<T>(now: T, isSame: (one: T, other: T) => boolean, bring: (wanted: T) => Promise<void>): Bring<T> {
  let known: T | undefined = now
  return async (wanted) => {
    if (known !== undefined && isSame(known, wanted)) return
    known = undefined
    await bring(wanted)
    known = wanted
  }
}
