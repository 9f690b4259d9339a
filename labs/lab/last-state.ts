/** Applies changes to a state, and does nothing if the requested state is already in effect. */

/** Applies the requested state unless it is already in effect. Rejects if the change fails; the next call then tries again. */
export type ChangeTo<T> = (wanted: T) => Promise<void>

/**
 * @param now the state that is in effect before the first call
 * @param isSame function that returns whether two states are equal
 * @param change function that applies a state; if it fails, the current state is unknown, so the next requested state is always applied
 */
export function changeOnce<T>(now: T, isSame: (one: T, other: T) => boolean, change: (wanted: T) => Promise<void>): ChangeTo<T> {
  let known: T | undefined = now
  return async (wanted) => {
    if (known !== undefined && isSame(known, wanted)) return
    known = undefined
    await change(wanted)
    known = wanted
  }
}
