/**
 * Loaded into each measured server before its own code (`--import`), the same for all: answers the bench over the child's own
 * channel, so that no measured server needs anything for being measured.
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** What the bench may ask for. */
export type Request =
  | { ask: 'memory'; collect: boolean }
  | { ask: 'profile' }
  | { ask: 'profileEnd'; file: string }
  | { ask: 'switch'; on: boolean }

/** Memory of the process, in bytes. */
export interface Memory {
  rss: number
  heapUsed: number
}

const collections = 3
const settleMs = 200
let session: Session | undefined
let act: ((on: boolean) => void) | undefined

/** What is to happen when the bench switches; for a program that has something to switch. */
export function onSwitch(then: (on: boolean) => void): void {
  act = then
}

async function answer(request: Request): Promise<Memory | null> {
  if (request.ask === 'memory') {
    for (let i = 0; i < (request.collect ? collections : 0); i++) {
      // An ordinary collection leaves the young generation as large as the load made it: 5 KiB a socket that no socket needs.
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
