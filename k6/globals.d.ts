/** k6 offers these beside what @types/k6 declares. */
declare const console: Record<'debug' | 'log' | 'warn' | 'error', (message: string) => void>
