/** k6 globals that @types/k6 does not declare. */
declare const console: Record<'debug' | 'log' | 'warn' | 'error', (message: string) => void>
