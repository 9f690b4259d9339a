/** Reads and writes JSON whose whole numbers may exceed 2^53, which JSON.parse and JSON.stringify would round. */

/** Node 24 supports these functions; TypeScript's library does not declare them yet. */
interface ExactJson {
  rawJSON(text: string): unknown
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown
}

const json = JSON as unknown as ExactJson

/**
 * Parses JSON. The values of the given keys become bigints from 2^53 on.
 * @throws SyntaxError if the text is not JSON
 */
export function parseExactly(text: string, keys: ReadonlySet<string>): unknown {
  return json.parse(text, (key, value, { source }) =>
    typeof value === 'number' && keys.has(key) && Math.abs(value) >= 2 ** 53 ? BigInt(source ?? value) : value,
  )
}

/** Returns JSON in which bigints are numbers with all of their digits. */
export function stringifyExactly(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? json.rawJSON(String(one)) : one))
}
