/** Formats numbers, durations and amounts of money. Pure. */

export const notMeasured = 'not measured'

/** Formats a number with three significant digits, or a whole number with all its digits and with thousands separators. */
export function numberText(value: number | null): string {
  if (value === null) return notMeasured
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 12 })
}

export function withUnit(value: number | null, unit: string): string {
  return value === null || unit === '' ? numberText(value) : `${numberText(value)} ${unit}`
}

/** Formats a fraction as a percentage, with enough digits for fractions near one: 99.9871 %. */
export function percentText(share: number | null): string {
  return share === null ? notMeasured : `${Number((share * 100).toFixed(4))} %`
}

/** Formats a duration given in milliseconds in a suitable unit. */
export function durationText(ms: number | null): string {
  if (ms === null) return notMeasured
  return ms >= 10_000 ? `${numberText(ms / 1000)} s` : `${numberText(ms)} ms`
}

/** Formats an amount of money with four significant digits and no exponent, because the amounts are tiny. */
export function moneyText(amount: number | null, currency: string): string {
  if (amount === null) return notMeasured
  const digits = amount === 0 ? 2 : Math.min(20, Math.max(2, 3 - Math.floor(Math.log10(Math.abs(amount)))))
  return `${amount.toFixed(digits)} ${currency}`
}
