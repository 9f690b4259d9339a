/**
 * JavaScript that runs inside a replica's process, put there by a debugger. It ends by itself, also when nobody comes back
 * for it. Pure: text alone.
 */

/** The event loop stands still for so long, and so often. Milliseconds. */
export const blocked = { forMs: 1_500, everyMs: 3_500 } as const

/** How full the container's memory gets: above MemoryHigh's 80 %, below what the kernel would end it for. */
export const memoryShare = 0.88
/** What a replica keeps where there is no limit, MiB: a process without a container. */
export const keptMiB = 256

const chunkBytes = 8 * 2 ** 20

/** Blocks the event loop again and again. */
export function busyCode(seconds: number): string {
  return `(() => {
    const block = () => { const end = performance.now() + ${blocked.forMs}; while (performance.now() < end); }
    const again = setInterval(block, ${blocked.everyMs}).unref()
    ${until('busy', seconds, 'clearInterval(again)')}
  })()`
}

/** Keeps memory: up to a share of the limit, or a fixed amount where there is none. */
export function memoryCode(seconds: number, ground: 'compose' | 'embedded'): string {
  const wanted = ground === 'compose' ? `process.constrainedMemory() * ${memoryShare} - process.memoryUsage.rss()` : `${keptMiB} * 2 ** 20`
  return `(() => {
    const wanted = ${wanted}
    let kept = Array.from({ length: Math.max(0, Math.floor(wanted / ${chunkBytes})) }, () => Buffer.alloc(${chunkBytes}, 1))
    const free = () => {
      kept = undefined
      process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc')
      process.getBuiltinModule('node:vm').runInNewContext('gc')()
    }
    ${until('memory', seconds, 'free()')}
  })()`
}

/** Ends what the code above does, early. */
export function endCode(what: 'busy' | 'memory'): string {
  return `globalThis[Symbol.for('lab.chaos.${what}')]?.(); 0`
}

/** Ends an earlier one of its kind, and sets the end of this one. */
function until(what: 'busy' | 'memory', seconds: number, end: string): string {
  const name = `Symbol.for('lab.chaos.${what}')`
  return `globalThis[${name}]?.()
    const timer = setTimeout(() => globalThis[${name}]?.(), ${seconds * 1000}).unref()
    globalThis[${name}] = () => { clearTimeout(timer); delete globalThis[${name}]; ${end} }
    return 0`
}
