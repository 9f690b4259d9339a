/** The result of an operation whose failure the caller must handle, such as reading input. */
export type Result<T> = { ok: true; value: T } | { ok: false; problems: readonly string[] }

/** Returns a successful result. */
export function success<T>(value: T): Result<T> {
  return { ok: true, value }
}

/** Returns a failed result. Each error message is one line of text that states what is wrong, where, and what is allowed. */
export function failure(...problems: readonly string[]): Result<never> {
  return { ok: false, problems }
}
