/** Parses Kubernetes quantities ("100m", "1k", "2Gi", "1e3") like resource.ParseQuantity in apimachinery. */

/** An exact amount in units of 10^-9. Digits beyond 10^-9 are rounded away from zero, as in Kubernetes. */
export interface Quantity {
  readonly nano: bigint
  /** The string that Kubernetes prints: the canonical form or, for most short quantities, the original spelling. */
  readonly text: string
}

const binaryExponents: Readonly<Record<string, number>> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 }
const decimalExponents: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const nanoPerUnit = 10n ** 9n
const maxInt64 = 2n ** 63n - 1n
const maxNano = maxInt64 * nanoPerUnit
/**
 * Exponents beyond this bound are clamped: such a quantity either exceeds the largest int64 or is rounded to the smallest amount anyway.
 */
const maxExponent = 100

/** Description of valid quantities, for use in error messages. */
export const quantityFormat = 'a number with an optional suffix n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or exponent e3'

/** Parses a quantity. Returns null for an invalid quantity. A quantity without any digits is 0, as in Kubernetes. */
export function parseQuantity(text: string): Quantity | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+|[numkMGTPE]?)$/.exec(text)
  if (match === null || text === '') return null
  const [, sign, whole = '', fraction = '', suffix = ''] = match
  const { binary, decimal } = exponentsOf(suffix)
  const digits = BigInt(whole + fraction) * 1024n ** BigInt(binary)
  const power = decimal - fraction.length + 9
  const size = power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power))
  // Only quantities with binary suffixes are capped at the largest int64.
  const capped = binary > 0 && size > maxNano ? maxNano : size
  const nano = sign === '-' ? -capped : capped
  const asWritten = isPrintedAsWritten({ digits: `${whole.replace(/^0+/, '') || '0'}${fraction}`, fraction, binary, decimal })
  return { nano, text: nano === 0n ? '0' : asWritten ? text : canonical(nano, suffix) }
}

interface Written {
  /** The digits of a quantity without the decimal point. */
  readonly digits: string
  readonly fraction: string
  readonly binary: number
  readonly decimal: number
}

/** Whether Kubernetes prints the original string, which it stores for most short quantities. */
function isPrintedAsWritten({ digits, fraction, binary, decimal }: Written): boolean {
  if (binary > 0) return fraction === '' && digits.length <= 15 - 3 * binary - 1 && BigInt(digits) % 8n !== 0n
  const scale = decimal - fraction.length
  return digits.length <= 18 && scale >= -9 && scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0')
}

/** Returns the shortest form without a fraction, with a suffix from the same family as the original one. */
function canonical(nano: bigint, suffix: string): string {
  const sized = suffix in binaryExponents && nano % nanoPerUnit === 0n ? nano / nanoPerUnit : null
  if (sized !== null && (sized <= -1024n || sized >= 1024n)) {
    const { amount, times } = withoutFactors(sized, 1024n)
    return amount + (Object.keys(binaryExponents)[times - 1] ?? '')
  }
  const { amount, times } = withoutFactors(nano, 1000n)
  const exponent = 3 * times - 9
  if (/^[eE]/.test(suffix) && suffix.length > 1) return exponent === 0 ? `${amount}` : `${amount}e${exponent}`
  return amount + (Object.entries(decimalExponents).find(([, one]) => one === exponent)?.[0] ?? '')
}

function withoutFactors(amount: bigint, factor: bigint): { amount: bigint; times: number } {
  let rest = amount
  let times = 0
  for (; rest !== 0n && rest % factor === 0n; times += 1) rest /= factor
  return { amount: rest, times }
}

function exponentsOf(suffix: string): { binary: number; decimal: number } {
  const decimal = decimalExponents[suffix]
  if (decimal !== undefined) return { binary: 0, decimal }
  const binary = binaryExponents[suffix]
  if (binary !== undefined) return { binary, decimal: 0 }
  const exponent = Number(suffix.slice(1))
  return { binary: 0, decimal: Math.max(-maxExponent, Math.min(maxExponent, exponent)) }
}

/** Returns a quantity in whole thousandths, rounded away from zero and capped at the largest int64. */
export function milliOf({ nano }: Pick<Quantity, 'nano'>): number {
  const size = divideUp(nano < 0n ? -nano : nano, 10n ** 6n)
  const capped = size > maxInt64 ? maxInt64 : size
  return Number(nano < 0n ? -capped : capped)
}

/** Returns a double computed from the canonical form ("350m" is 350 × 0.001), as the HPA controller does for tolerances. */
export function doubleOf({ nano }: Quantity): number {
  const { amount, times } = withoutFactors(nano, 1000n)
  return times === 3 ? Number(amount) : Number(amount) * Number(`1e${3 * times - 9}`)
}

function divideUp(amount: bigint, divisor: bigint): bigint {
  return (amount + divisor - 1n) / divisor
}
