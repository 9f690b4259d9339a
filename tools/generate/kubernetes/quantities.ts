/** Converts resource quantities and durations from the Compose format to the Kubernetes format. Pure. */

const mebibyte = 2 ** 20
const unitBytes: Readonly<Record<string, number>> = { k: 2 ** 10, m: mebibyte, g: 2 ** 30 }

/** Converts a Compose memory size, such as 256m or 2g, to bytes. @throws Error if the text is not a valid Compose memory size */
export function bytesOf(text: string): number {
  const [, amount, unit = ''] = /^(\d+)([kmg])$/.exec(text) ?? []
  const bytes = Number(amount) * (unitBytes[unit] ?? Number.NaN)
  if (Number.isNaN(bytes)) throw new Error(`memory ${text}: allowed are amounts as in 256m or 2g`)
  return bytes
}

/** Formats a number of bytes as a Kubernetes memory quantity such as 256Mi, rounded down to whole mebibytes. */
export function memory(bytes: number): string {
  return `${Math.floor(bytes / mebibyte)}Mi`
}

/** Formats a number of cores as a Kubernetes CPU quantity, such as 250m or 2. */
export function cpu(cores: number): string {
  const milli = Math.round(cores * 1000)
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`
}

/**
 * Converts a Compose duration, such as 30s or 500ms, to seconds. The result is rounded up, because Kubernetes accepts only whole seconds.
 * @throws Error if the text is not a valid Compose duration
 */
export function secondsOf(text: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m)$/.exec(text) ?? []
  if (amount === undefined) throw new Error(`duration ${text}: allowed are durations as in 30s, 500ms or 1m`)
  return Math.ceil((Number(amount) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm']) / 1000)
}
