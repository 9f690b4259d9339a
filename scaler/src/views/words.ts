/** Formats quantities, ages and times as kubectl does. */

const decimalSuffixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const

/** Formats thousandths as Kubernetes formats current values: 184000 becomes "184", 500 becomes "500m", and 2000000 becomes "2k". */
export function quantityText(milli: number | bigint): string {
  if (typeof milli === 'number' && !Number.isInteger(milli)) return `${milli}m`
  const amount = BigInt(milli)
  if (amount % 1000n !== 0n) return `${amount}m`
  return shortened(amount / 1000n, 1000n, decimalSuffixes)
}

/**
 * Formats thousandths as Kubernetes formats target values. Multiples of 1024 that are not multiples of 1000 get a binary suffix, because
 * the spec does not store the original suffix.
 */
export function targetText(milli: number): string {
  const whole = milli / 1000
  const isBinary = Number.isInteger(whole) && whole !== 0 && whole % 1024 === 0 && whole % 1000 !== 0
  return isBinary ? shortened(BigInt(whole), 1024n, binarySuffixes) : quantityText(milli)
}

function shortened(amount: bigint, base: bigint, suffixes: readonly string[]): string {
  let left = amount
  let power = 0
  while (left !== 0n && left % base === 0n && power < suffixes.length - 1) {
    left /= base
    power += 1
  }
  return `${left}${suffixes[power]}`
}

interface Unit {
  readonly ms: number
  readonly suffix: string
}

const second: Unit = { ms: 1000, suffix: 's' }
const minute: Unit = { ms: 60 * second.ms, suffix: 'm' }
const hour: Unit = { ms: 60 * minute.ms, suffix: 'h' }
const day: Unit = { ms: 24 * hour.ms, suffix: 'd' }
const year: Unit = { ms: 365 * day.ms, suffix: 'y' }

/** Returns a sentence stating that a rollout is under way, with its revisions. */
export function rolloutWords({ from, to }: { readonly from: number; readonly to: number }): string {
  return `A rollout from revision ${from} to ${to} is under way`
}

/** Formats a duration with two or three digits, like kubectl's AGE column. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / second.ms)
  // kubectl tolerates a small clock difference between two machines.
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  const ms = seconds * second.ms
  if (ms < 2 * minute.ms) return `${seconds}s`
  if (ms < 10 * minute.ms) return inUnits(ms, minute, second)
  if (ms < 3 * hour.ms) return inUnits(ms, minute)
  if (ms < 8 * hour.ms) return inUnits(ms, hour, minute)
  if (ms < 2 * day.ms) return inUnits(ms, hour)
  if (ms < 8 * day.ms) return inUnits(ms, day, hour)
  if (ms < 2 * year.ms) return inUnits(ms, day)
  if (ms < 8 * year.ms) return inUnits(ms, year, day)
  return inUnits(ms, year)
}

/** Formats a duration as a whole number of a unit, followed by the remainder (if any) in a smaller unit, as in 2h5m. */
function inUnits(ms: number, unit: Unit, smaller?: Unit): string {
  const left = smaller === undefined ? 0 : Math.trunc((ms % unit.ms) / smaller.ms)
  return `${Math.trunc(ms / unit.ms)}${unit.suffix}${left === 0 ? '' : `${left}${smaller?.suffix}`}`
}

/** Formats a time without milliseconds, as Kubernetes does: 2026-01-01T12:00:00Z. */
export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** Formats a ratio with up to three decimals; returns "none" for a ratio over zero replicas. */
export function ratioText(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return 'none'
  return Number(ratio.toFixed(3)).toString()
}

/** Returns a number with a noun, such as "1 replica" or "3 replicas". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
