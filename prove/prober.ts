/** New clients, one after the other at a fixed rate, whatever becomes of the ones before: what somebody meets who comes just now. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Probe } from './report/build.ts'

/** From dialling to the answer. */
const withinMs = 5000
/** Of a short run more than a thousand: of fewer, one that fails as its replica is killed would be more than 0.1 %. */
const perSecond = 10

export class Prober {
  readonly probes: Probe[] = []
  private readonly url: string
  private readonly underWay = new Set<Promise<void>>()
  private timer: NodeJS.Timeout | undefined

  /** @param url to dial, ws://HOST:PORT/PATH */
  constructor(url: string) {
    this.url = url
  }

  start(): void {
    this.timer = setInterval(() => this.begin(), 1000 / perSecond)
  }

  /** Begins no more, and waits for those under way: for the bound of one at most. */
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

/** Dials without a cookie, waits for the greeting, asks one thing, leaves with its answer. Never rejects. */
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
      if (problem === undefined) socket.close(1000)
      else socket.terminate()
      resolve({ ...found, problem })
    }
    const timer = setTimeout(() => end(`no answer within ${withinMs} ms`), withinMs)
    socket.on('error', (error) => end(error.message))
    socket.on('close', (code) => end(`closed with ${code}`))
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { type: string; replica?: string }
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
