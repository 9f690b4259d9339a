/**
 * JavaScript code, as text, that is evaluated in a replica's process through the inspector. Each effect on a replica has a
 * time limit, after which the effect ends even if the lab has stopped.
 */

/** How long the event loop is blocked each time, and how often it is blocked. Milliseconds. */
export const blocked = { forMs: 1_500, everyMs: 3_500 } as const

/** Share of a replica's memory limit to allocate: enough for the alert MemoryHigh (80 %), but too little for the OOM killer. */
export const memoryShare = 0.88
/** Memory that is allocated in a replica without a memory limit, that is, in a replica that runs as a process. MiB. */
export const addedMiB = 256

const chunkBytes = 8 * 2 ** 20

/** Code that blocks the event loop repeatedly. */
export function busyCode(seconds: number): string {
  return `(() => {
    const block = () => { const end = performance.now() + ${blocked.forMs}; while (performance.now() < end); }
    const again = setInterval(block, ${blocked.everyMs}).unref()
    ${endingBy('busy', seconds, 'clearInterval(again)')}
  })()`
}

/** Code that allocates memory in a replica: a share of the memory limit, or a fixed amount if the replica has no memory limit. */
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

/** Returns code that ends an active effect of the same kind, and schedules the end of the new effect. */
function endingBy(what: 'busy' | 'memory', seconds: number, end: string): string {
  const name = `Symbol.for('lab.chaos.${what}')`
  return `globalThis[${name}]?.()
    const timer = setTimeout(() => globalThis[${name}]?.(), ${seconds * 1000}).unref()
    globalThis[${name}] = () => { clearTimeout(timer); delete globalThis[${name}]; ${end} }
    return 0`
}
