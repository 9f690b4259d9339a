/** Runs a well-behaved client alongside a misbehaving one. The misbehaving client must not affect the well-behaved one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TestSocket } from './harness.ts'

/** Pause between two echoes; the resulting message rate is below the default limit. Milliseconds. */
const paceMs = 15

export interface Bystander {
  /** The number of echoes that the client has received so far. */
  count(): number
  /**
   * Stops the well-behaved client after it has received one more echo. Fails the test if an echo was lost, changed or out of order, or if
   * the socket was closed.
   */
  wasNotDisturbed(): Promise<void>
}

/** Sends messages on a socket and checks their echoes until the test calls `wasNotDisturbed`. */
export function bystander(socket: TestSocket): Bystander {
  let count = 0
  let going = true
  let lastOffset = 0
  /**
   * Pairs of offsets, in the room that every session joins, that the client received one after the other but that are not consecutive. Each
   * pair of offsets shows that a message was lost, duplicated or out of order.
   */
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
  // The echo loop's error is ignored here, because wasNotDisturbed() reports it.
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
