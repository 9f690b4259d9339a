/** An error at a field, in the words of the API server. */

export const fieldErrorTypes = ['FieldValueRequired', 'FieldValueInvalid', 'FieldValueNotSupported', 'FieldValueForbidden'] as const

export interface FieldError {
  /** Path in the document: spec.metrics[0].resource.name */
  readonly field: string
  readonly type: (typeof fieldErrorTypes)[number]
  readonly detail: string
  /** As written; undefined when there is nothing. */
  readonly value?: unknown
}

export function required(field: string, detail: string): FieldError {
  return { field, type: 'FieldValueRequired', detail }
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { field, type: 'FieldValueInvalid', detail, value }
}

export function forbidden(field: string, detail: string): FieldError {
  return { field, type: 'FieldValueForbidden', detail }
}

/** `supported` in the order Kubernetes lists them: by the alphabet. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const values = supported.map((item) => JSON.stringify(item)).join(', ')
  return { field, type: 'FieldValueNotSupported', detail: `supported values: ${values}`, value }
}

const words = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
} as const satisfies Record<FieldError['type'], string>

/** One line, as kubectl shows it: `field: Invalid value: 0: must be positive`. */
export function fieldErrorText({ field, type, detail, value }: FieldError): string {
  const shown = type === 'FieldValueInvalid' || type === 'FieldValueNotSupported' ? ` ${JSON.stringify(value)}:` : ''
  return `${field}: ${words[type]}:${shown} ${detail}`
}
