/** Finds the numbers in a caption and assigns a measurement to each of them. Pure. */
import type { Measured } from '../core/events.ts'

export interface Claim {
  /** The number as written in the caption. */
  text: string
  value: number
  /** Name of the measurement; null if none matches the number. */
  name: string | null
  measured: Measured | null
}

const spelled = ['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve']

/** Matches separate numbers and the number words from two to twelve, but not digits in names such as ws-2 or p95. */
const numerals = new RegExp(
  String.raw`(?<![\p{L}\d_.,-])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\p{L}\d_])|(?<![\p{L}-])(?:${spelled.join('|')})(?![\p{L}-])`,
  'giu',
)

/**
 * Returns each number in a caption with the measurement that it states. If several measurements have the same value, each occurrence of
 * this value is assigned a different measurement.
 */
export function claimsOf(text: string, numbers: Readonly<Record<string, Measured>>): Claim[] {
  const all = Object.entries(numbers)
  const unused = new Set(all)
  return [...text.matchAll(numerals)].map(([found]) => {
    const word = spelled.indexOf(found.toLowerCase())
    const value = word >= 0 ? word + 2 : Number(found.replaceAll(',', ''))
    const decimals = found.split('.')[1]?.length ?? 0
    const isIt = ([, measured]: [string, Measured]) => Number(measured.value.toFixed(decimals)) === value
    const entry = [...unused].find(isIt) ?? all.find(isIt)
    if (entry === undefined) return { text: found, value, name: null, measured: null }
    unused.delete(entry)
    return { text: found, value, name: entry[0], measured: entry[1] }
  })
}
