/** Parses durations such as 90s and 15m. Pure. */

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** The duration formats that `readDuration` accepts, for use in error messages. */
export const allowedDurations = 'durations as in 90s, 15m, 1.5h or 2d'

/**
 * Parses a duration such as 90s, 15m, 1.5h or 2d. Returns the duration in seconds; undefined if the string is invalid or the duration is
 * not positive.
 */
export function readDuration(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? []
  const seconds = Number(amount) * (unitSeconds[unit] ?? Number.NaN)
  return seconds > 0 ? seconds : undefined
}
