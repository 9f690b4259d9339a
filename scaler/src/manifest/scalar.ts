/**
 * Resolves YAML scalars like kubectl and the API server, which use go-yaml v2 (resolve.go): YAML 1.1 without sexagesimal numbers. Whole
 * numbers beyond 2^53 become bigints.
 */

export type Scalar = string | number | bigint | boolean | null

const words: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...spellings(true, 'y', 'yes', 'true', 'on'),
  ...spellings(false, 'n', 'no', 'false', 'off'),
  ...spellings(null, 'null'),
  ['', null],
  ['~', null],
  ...['.nan', '.NaN', '.NAN'].map((text) => [text, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((text) => [text, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((text) => [text, Number.NEGATIVE_INFINITY] as const),
])

/** Pairs the lower-case, capitalised and upper-case forms of each word with the given value. */
function spellings<T extends Scalar>(value: T, ...texts: readonly string[]): [string, T][] {
  return texts.flatMap((text) =>
    [text, text.charAt(0).toUpperCase() + text.slice(1), text.toUpperCase()].map((one): [string, T] => [one, value]),
  )
}

const integer = /^([-+]?)(?:0[xX]([\da-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/
const float = /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/
const pointFirst = /^\.\d+([eE][-+]?\d+)?$/
const maxUint64 = 2n ** 64n - 1n
const minInt64 = -(2n ** 63n)

const tagPrefix = 'tag:yaml.org,2002:'

/**
 * Returns the value of a scalar.
 * @param tag the scalar's tag, in its long form
 * @param plain whether the scalar is unquoted
 * @throws Error if the text does not match the tag's type
 */
export function scalarOf(text: string, tag: string | undefined, plain: boolean): Scalar {
  if (tag === undefined) return plain ? guess(text) : text
  const type = tag.startsWith(tagPrefix) ? tag.slice(tagPrefix.length) : 'str'
  if (type === 'binary') return atob(text)
  const value = guess(text)
  const typed = {
    null: value === null,
    bool: typeof value === 'boolean',
    int: wholeNumber(text.replaceAll('_', '')) !== null,
    float: isNumber(value),
  }[type]
  // Timestamps and scalars with a custom tag remain strings.
  if (typed === undefined) return text
  if (!typed) throw new Error(`${JSON.stringify(text)} does not match its tag ${type}`)
  return value
}

function isNumber(value: Scalar): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}

function guess(text: string): Scalar {
  const word = words.get(text)
  if (word !== undefined) return word
  if (pointFirst.test(text)) return finite(text)
  if (!/^[-+\d]/.test(text)) return text
  const digits = text.replaceAll('_', '')
  const whole = wholeNumber(digits)
  if (whole !== null) return whole
  return float.test(digits) ? finite(digits, text) : text
}

/** Returns a value as the key of a JSON object, or null if the value cannot be a key. */
export function keyOf(value: unknown): string | null {
  if (typeof value === 'string' || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return value < 2n ** 63n ? String(value) : null
  if (typeof value !== 'number') return null
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '.nan' : `${value < 0 ? '-' : ''}.inf`
  return Number.isSafeInteger(value) || Math.abs(value) < 1e6 ? String(value) : value.toExponential()
}

/** Returns the whole number in a string, or null for other strings and for numbers that do not fit in 64 bits. */
function wholeNumber(text: string): number | bigint | null {
  const [, sign = '', hex, binary, octal, decimal] = integer.exec(text) ?? []
  const digits = hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : octal !== undefined ? `0o${octal}` : decimal
  if (digits === undefined) return null
  const size = BigInt(digits)
  const value = sign === '-' ? -size : size
  if (value < minInt64 || value > (sign === '' ? maxUint64 : maxUint64 / 2n)) return null
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** Returns the number that the digits represent, or the original text if the number is too large for a double. */
function finite(digits: string, text: string = digits): number | string {
  const value = Number(digits)
  return Number.isFinite(value) ? value : text
}
