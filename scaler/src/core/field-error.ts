/** Field validation errors, with the API server's messages. */

const words = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
} as const

export interface FieldError {
  /** Path of the field in the document, such as spec.metrics[0].resource.name. */
  readonly field: string
  readonly type: keyof typeof words
  /** Explanation of the error; may be empty. */
  readonly detail: string
  /** The invalid value as shown in the error message; absent if the message shows no value. */
  readonly shown?: string
}

export function required(field: string, detail = ''): FieldError {
  return { field, type: 'FieldValueRequired', detail }
}

export function invalid(field: string, value: string | number | bigint, detail: string): FieldError {
  return { field, type: 'FieldValueInvalid', detail, shown: typeof value === 'string' ? quoted(value) : String(value) }
}

/** Returns an error for a value that Kubernetes prints as JSON: an object, a list, or a string of a named type. */
export function invalidJson(field: string, value: unknown, detail: string): FieldError {
  return { field, type: 'FieldValueInvalid', detail, shown: jsonOf(value) }
}

export function forbidden(field: string, detail: string): FieldError {
  return { field, type: 'FieldValueForbidden', detail }
}

export function tooLong(field: string, mostBytes: number): FieldError {
  return { field, type: 'FieldValueTooLong', detail: `may not be more than ${mostBytes} bytes` }
}

/** Returns an error that lists the supported values in alphabetical order, as Kubernetes does. */
export function notSupported(field: string, value: string, supported: readonly string[]): FieldError {
  const values = supported.map(quoted).join(', ')
  return { field, type: 'FieldValueNotSupported', detail: `supported values: ${values}`, shown: jsonOf(value) }
}

/** Returns an error as kubectl prints it, such as `field: Invalid value: 0: must be positive`. */
export function fieldErrorText({ field, type, detail, shown }: FieldError): string {
  return [field, words[type], ...(shown === undefined ? [] : [shown]), ...(detail === '' ? [] : [detail])].join(': ')
}

/** Quotes a string in the same way as Go's %q. */
function quoted(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '\\': '\\\\',
    '"': '\\"',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\b': '\\b',
    '\f': '\\f',
  }
  const escaped = text.replaceAll(/["\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (mark) => {
    const code = mark.codePointAt(0) ?? 0
    const hex = code.toString(16)
    if (names[mark] !== undefined) return names[mark]
    if (code === 7 || code === 11) return code === 7 ? '\\a' : '\\v'
    if (code < 0x80) return `\\x${hex.padStart(2, '0')}`
    return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
  })
  return `"${escaped}"`
}

/** Returns a value as JSON, with HTML's special characters escaped as in Go's encoding/json. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (mark) => `\\u${(mark.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
}
