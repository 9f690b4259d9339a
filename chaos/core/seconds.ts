/** Durations as people write them. Pure. */

/** Bounds of --for. */
export const allowedSeconds = { min: 5, max: 600 } as const

/** `30s`, `2m` or `45` in seconds; undefined when it is none of these or out of bounds. */
export function readSeconds(text: string): number | undefined {
  const [, digits = '', unit = 's'] = /^(\d{1,4})(s|m)?$/.exec(text) ?? []
  if (digits === '') return undefined
  const seconds = Number(digits) * (unit === 'm' ? 60 : 1)
  return seconds >= allowedSeconds.min && seconds <= allowedSeconds.max ? seconds : undefined
}
