/** Kubernetes' quantities ("100m", "1k", "2Gi", "1e3"), read as apimachinery's resource.ParseQuantity does. */

/** An exact amount in thousand-millionths; finer than that is rounded away from zero, as Kubernetes does. */
export interface Quantity {
  readonly nano: bigint
}

const binaryExponents: Readonly<Record<string, number>> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 }
const decimalExponents: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const maxInt64 = 2n ** 63n - 1n
const maxNano = maxInt64 * 10n ** 9n
/** Far beyond every amount that is not capped or rounded to the smallest one. */
const maxExponent = 100

/** What parseQuantity takes, for messages. */
export const quantityFormat = 'a number with an optional suffix n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or exponent e3'

/** The quantity, or null when the text is not one. */
export function parseQuantity(text: string): Quantity | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+|[numkMGTPE]?)$/.exec(text)
  if (match === null) return null
  const [, sign, whole = '', fraction = '', suffix = ''] = match
  if (whole + fraction === '') return null
  const { binary, decimal } = exponentsOf(suffix)
  const digits = BigInt(whole + fraction) * 1024n ** BigInt(binary)
  const power = decimal - fraction.length + 9
  const nano = power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power))
  const capped = nano > maxNano ? maxNano : nano
  return { nano: sign === '-' ? -capped : capped }
}

function exponentsOf(suffix: string): { binary: number; decimal: number } {
  const decimal = decimalExponents[suffix]
  if (decimal !== undefined) return { binary: 0, decimal }
  const binary = binaryExponents[suffix]
  if (binary !== undefined) return { binary, decimal: 0 }
  const exponent = Number(suffix.slice(1))
  return { binary: 0, decimal: Math.max(-maxExponent, Math.min(maxExponent, exponent)) }
}

/** Whole thousandths, rounded away from zero and capped at the largest int64. */
export function milliOf({ nano }: Quantity): number {
  const size = divideUp(nano < 0n ? -nano : nano, 10n ** 6n)
  const capped = size > maxInt64 ? maxInt64 : size
  return Number(nano < 0n ? -capped : capped)
}

/** As a double, computed from the canonical form ("350m" is 350 times 0.001) as the controller does for a tolerance. */
export function doubleOf({ nano }: Quantity): number {
  let value = nano
  let exponent = -9
  while (value !== 0n && exponent < 18 && value % 1000n === 0n) {
    value /= 1000n
    exponent += 3
  }
  return exponent === 0 ? Number(value) : Number(value) * Number(`1e${exponent}`)
}

function divideUp(amount: bigint, divisor: bigint): bigint {
  return (amount + divisor - 1n) / divisor
}
