/** A client that behaves, next to one that does not: it must notice nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TestSocket } from './harness.ts'

/** Between two echoes: below the rate that the default settings allow. Milliseconds. */
const paceMs = 15

export interface Bystander {
  /** Echoes so far. */
  count(): number
  /** Ends the echoing; fails if one was lost, changed, out of order, or if the socket was closed. Waits for one more echo first. */
  wasNotDisturbed(): Promise<void>
}

/** Keeps a socket echoing until it is asked how it fared. */
export function bystander(socket: TestSocket): Bystander {
  let count = 0
  let going = true
  let lastOffset = 0
  /** Numbers of messages to everyone that did not follow the one before: something was lost, doubled or out of order. */
  const jumps: number[][] = []
  socket.raw.on('message', (data) => {
    const { offset } = JSON.parse(data.toString()) as { offset?: number }
    if (offset === undefined) return
    if (lastOffset !== 0 && offset !== lastOffset + 1) jumps.push([lastOffset, offset])
    lastOffset = offset
  })
  const echoing = (async () => {
    while (going) {
      const id = count + 1
      const answer = await socket.ask({ type: 'message', id, data: `echo ${id}` }, 'message_response')
      expect(answer).toMatchObject({ id, data: `echo ${id}` })
      count = id
      await sleep(paceMs)
    }
  })()
  // Looked at when the test asks.
  echoing.catch(() => {})
  return {
    count: () => count,
    wasNotDisturbed: async () => {
      going = false
      await echoing
      expect(socket.raw.readyState).toBe(socket.raw.OPEN)
      const answer = await socket.ask({ type: 'message', id: 'last', data: null }, 'message_response')
      expect(answer.id).toBe('last')
      expect(jumps).toEqual([])
    },
  }
}
