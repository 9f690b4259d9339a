/**
 * JavaScript source code that is evaluated in a replica's process through the inspector. Each fault in a replica ends after a time limit,
 * even if the command that injected it has exited by then.
 */

/** How long each simulated stall of the event loop lasts, and the interval between stalls. Milliseconds. */
export const blocked = { forMs: 1_500, everyMs: 3_500 } as const

/**
 * Fraction of its memory limit up to which a replica's memory is filled: enough to trigger the MemoryHigh alert (80 %), but too little to
 * trigger the OOM killer.
 */
export const memoryShare = 0.88
/** Amount of memory to allocate in a replica that runs as a plain process and therefore has no memory limit. MiB. */
export const addedMiB = 256

const chunkBytes = 8 * 2 ** 20

/** Returns code that blocks the event loop repeatedly. */
export function busyCode(seconds: number): string {
  return `(() => {
    const block = () => { const end = performance.now() + ${blocked.forMs}; while (performance.now() < end); }
    const again = setInterval(block, ${blocked.everyMs}).unref()
    ${endingBy('busy', seconds, 'clearInterval(again)')}
  })()`
}

/** Returns code that allocates memory in a replica: up to a fraction of its memory limit, or a fixed amount if it has no memory limit. */
export function memoryCode(seconds: number, kind: 'compose' | 'embedded'): string {
  const wanted = kind === 'compose' ? `process.constrainedMemory() * ${memoryShare} - process.memoryUsage.rss()` : `${addedMiB} * 2 ** 20`
  return `(() => {
    const wanted = ${wanted}
    let buffers = Array.from({ length: Math.max(0, Math.floor(wanted / ${chunkBytes})) }, () => Buffer.alloc(${chunkBytes}, 1))
    const free = () => {
      buffers = undefined
      process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc')
      process.getBuiltinModule('node:vm').runInNewContext('gc')()
    }
    ${endingBy('memory', seconds, 'free()')}
  })()`
}

/** Returns code that stops blocking the event loop, or frees the allocated memory, before the planned end of the fault. */
export function endCode(what: 'busy' | 'memory'): string {
  return `globalThis[Symbol.for('lab.chaos.${what}')]?.(); 0`
}

/** Returns code that ends any active fault of the same kind and schedules the end of the new fault. */
function endingBy(what: 'busy' | 'memory', seconds: number, end: string): string {
  const name = `Symbol.for('lab.chaos.${what}')`
  return `globalThis[${name}]?.()
    const timer = setTimeout(() => globalThis[${name}]?.(), ${seconds * 1000}).unref()
    globalThis[${name}] = () => { clearTimeout(timer); delete globalThis[${name}]; ${end} }
    return 0`
}
