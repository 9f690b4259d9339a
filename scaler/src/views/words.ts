/** Amounts, ages and moments in the words of kubectl. */

const decimalSuffixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const

/** Thousandths as Kubernetes writes a current value: 184000 is "184", 500 is "500m", 2000000 is "2k". */
export function quantityText(milli: number): string {
  if (!Number.isInteger(milli) || milli % 1000 !== 0) return `${milli}m`
  return shortened(BigInt(milli) / 1000n, 1000n, decimalSuffixes)
}

/** The same for a target: powers of 1024 get their own suffix back, which the specification keeps as a number only. */
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

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const year = 365 * day

/** A length of time with two or three figures, as in kubectl's AGE. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / second)
  // Clocks of two machines differ a little.
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  const ms = seconds * second
  if (ms < 2 * minute) return `${seconds}s`
  if (ms < 10 * minute) return inUnits(ms, minute, 'm', second, 's')
  if (ms < 3 * hour) return inUnits(ms, minute, 'm')
  if (ms < 8 * hour) return inUnits(ms, hour, 'h', minute, 'm')
  if (ms < 2 * day) return inUnits(ms, hour, 'h')
  if (ms < 8 * day) return inUnits(ms, day, 'd', hour, 'h')
  if (ms < 2 * year) return inUnits(ms, day, 'd')
  if (ms < 8 * year) return inUnits(ms, year, 'y', day, 'd')
  return inUnits(ms, year, 'y')
}

/** Whole units, and what is left over in the smaller one unless that is nothing. */
function inUnits(ms: number, unit: number, suffix: string, smaller?: number, smallerSuffix = ''): string {
  const left = smaller === undefined ? 0 : Math.trunc((ms % unit) / smaller)
  return `${Math.trunc(ms / unit)}${suffix}${left === 0 ? '' : `${left}${smallerSuffix}`}`
}

/** Without the thousandths, as Kubernetes writes moments: 2026-01-01T12:00:00Z. */
export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** A ratio with up to three decimals; there is none over no replicas. */
export function ratioText(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return 'none'
  return Number(ratio.toFixed(3)).toString()
}

/** "1 replica", "3 replicas". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
