/** Globals of k6 that @types/k6 does not declare. */
declare const console: Record<'debug' | 'log' | 'warn' | 'error', (message: string) => void>
