/**
 * Responds to the benchmark's requests over the IPC channel, so that the measured servers need no measurement code of their own. This
 * module is loaded into each measured server before the server's own code (`--import`).
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** The requests that the benchmark sends to a measured server. */
export type Request =
  | { ask: 'memory'; collect: boolean }
  | { ask: 'profile' }
  | { ask: 'profileEnd'; file: string }
  | { ask: 'switch'; on: boolean }

/** Memory usage of the process, in bytes. */
export interface Memory {
  rss: number
  heapUsed: number
}

const collections = 3
const settleMs = 200
let session: Session | undefined
let act: ((on: boolean) => void) | undefined

/** Registers the function that is called when the benchmark switches a feature on or off. */
export function onSwitch(then: (on: boolean) => void): void {
  act = then
}

async function answer(request: Request): Promise<Memory | null> {
  if (request.ask === 'memory') {
    for (let i = 0; i < (request.collect ? collections : 0); i++) {
      // Only a last-resort garbage collection shrinks V8's young generation. After an ordinary garbage collection, the memory measured for
      // each socket would be about 5 KiB too high.
      globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
      await sleep(settleMs)
    }
    const { rss, heapUsed } = process.memoryUsage()
    return { rss, heapUsed }
  }
  if (request.ask === 'switch') {
    act?.(request.on)
    return null
  }
  if (request.ask === 'profile') {
    session = new Session()
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.start')
    return null
  }
  const profile = await session?.post('Profiler.stop')
  session?.disconnect()
  if (profile) writeFileSync(request.file, JSON.stringify(profile.profile))
  return null
}

process.on('message', async (request: Request) => process.send?.(await answer(request)))
process.channel?.unref()
