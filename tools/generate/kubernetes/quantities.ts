/** Converts the amounts and times of Compose to those of Kubernetes. Pure. */

const mebibyte = 2 ** 20
const unitBytes: Readonly<Record<string, number>> = { k: 2 ** 10, m: mebibyte, g: 2 ** 30 }

/** Returns the bytes of an amount of memory in Compose, such as 256m or 2g. @throws Error if the text is not such an amount */
export function bytesOf(text: string): number {
  const [, amount, unit = ''] = /^(\d+)([kmg])$/.exec(text) ?? []
  const bytes = Number(amount) * (unitBytes[unit] ?? Number.NaN)
  if (Number.isNaN(bytes)) throw new Error(`memory ${text}: allowed are amounts as in 256m or 2g`)
  return bytes
}

/** Returns bytes as an amount of memory in Kubernetes, rounded down to whole mebibytes, such as 256Mi. */
export function memory(bytes: number): string {
  return `${Math.floor(bytes / mebibyte)}Mi`
}

/** Returns cores as an amount of CPU in Kubernetes, such as 250m or 2. */
export function cpu(cores: number): string {
  const milli = Math.round(cores * 1000)
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`
}

/**
 * Returns the seconds of a duration in Compose, such as 30s or 500ms, rounded up, because Kubernetes has no fractions of seconds.
 * @throws Error if the text is not such a duration
 */
export function secondsOf(text: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m)$/.exec(text) ?? []
  if (amount === undefined) throw new Error(`duration ${text}: allowed are durations as in 30s, 500ms or 1m`)
  return Math.ceil((Number(amount) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm']) / 1000)
}
