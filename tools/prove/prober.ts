/** Opens new clients at a fixed rate, no matter what happens to earlier ones, and measures how well new clients are served. */

import { setTimeout as sleep } from 'node:timers/promises'
import { closeCodes } from '@lab/contract/close-codes.ts'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import { WebSocket } from 'ws'
import type { Probe } from './report/build.ts'

/** Time limit from connecting until the reply arrives. */
const withinMs = 5000
/**
 * At ten probes per second, even a short run has over a thousand probes, so one probe that fails during a kill is less than 0.1 % of them.
 */
const perSecond = 10

export class Prober {
  readonly probes: Probe[] = []
  private readonly url: string
  private readonly underWay = new Set<Promise<void>>()
  private timer: NodeJS.Timeout | undefined

  /** @param url address to connect to, in the form ws://HOST:PORT/PATH */
  constructor(url: string) {
    this.url = url
  }

  start(): void {
    this.timer = setInterval(() => this.begin(), 1000 / perSecond)
  }

  /** Stops opening new clients, and waits for the current clients to finish. Waits at most one second longer than a client's time limit. */
  async stop(): Promise<void> {
    clearInterval(this.timer)
    await Promise.race([Promise.all(this.underWay), sleep(withinMs + 1000)])
  }

  private begin(): void {
    const probe = tryOnce(this.url).then((found) => {
      this.probes.push(found)
      this.underWay.delete(probe)
    })
    this.underWay.add(probe)
  }
}

/**
 * Connects without a cookie, waits for the first message, sends one message, and closes the connection once the reply has arrived. Never
 * rejects.
 */
function tryOnce(url: string): Promise<Probe> {
  const atMs = Date.now()
  const startedAtMs = performance.now()
  const found: Probe = { atMs, connectMs: undefined, answerMs: undefined, replica: undefined, problem: undefined }
  const socket = new WebSocket(url, { perMessageDeflate: false })
  return new Promise((resolve) => {
    let askedAtMs = 0
    const end = (problem?: string) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => {})
      if (problem === undefined) socket.close(closeCodes.normal.code)
      else socket.terminate()
      resolve({ ...found, problem })
    }
    const timer = setTimeout(() => end(`no answer within ${withinMs} ms`), withinMs)
    socket.on('error', (error) => end(error.message))
    socket.on('close', (code) => end(`closed with ${code}`))
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { type: ServerMessageType; replica?: string }
      if (message.type === 'connection_established') {
        found.connectMs = performance.now() - startedAtMs
        found.replica = message.replica
        askedAtMs = performance.now()
        socket.send(JSON.stringify({ type: 'message', id: 'probe', data: 'are you there?' }))
      }
      if (message.type === 'message_response') {
        found.answerMs = performance.now() - askedAtMs
        end()
      }
    })
  })
}
