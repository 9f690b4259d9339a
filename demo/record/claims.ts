/** The numbers in what is said, and which measurement each of them is. Pure. */
import type { Measured } from '../core/events.ts'

export interface Claim {
  /** As the text has it. */
  text: string
  value: number
  /** Under which name it was measured; null: nobody measured it. */
  name: string | null
  measured: Measured | null
}

const spelled = ['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve']

/** Figures that stand alone, so not those of a name such as ws-2 or p95, and numbers in words, which begin with two. */
const numerals = new RegExp(
  String.raw`(?<![\p{L}\d_.,-])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\p{L}\d_])|(?<![\p{L}-])(?:${spelled.join('|')})(?![\p{L}-])`,
  'giu',
)

/** Each number in a text, with the measurement that it is: the same figure twice is two measurements, where there are two. */
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
