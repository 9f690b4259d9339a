/**
 * Tests the measurements of `prove` with a proxy between a real replica and real clients, which drops, duplicates or swaps one delivery in
 * ten thousand. Each dropped, duplicated or swapped delivery must be detected and attributed to the right message.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { nodeEnvironment } from '@lab/client/node.ts'
import { paths } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import { Crowd } from '@lab/ledger/crowd.ts'
import type { FindingKind } from '@lab/ledger/findings.ts'
import { judge, type Verdict } from '@lab/ledger/verdict.ts'
import { testReplica } from '@lab/ws/test/harness.ts'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

type Tampering = 'nothing' | 'drop' | 'double' | 'swap'

/** Number of the delivery that the proxy drops, duplicates or swaps, counted from 1. */
const every = 10_000

interface Proxy {
  url: string
  /** Number of the message whose delivery was tampered with. */
  tampered(): number | undefined
}

/** Starts a proxy that forwards everything unchanged except for one delivery. */
async function tamperingProxy(target: string, tampering: Tampering): Promise<Proxy> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  onTestFinished(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  let deliveries = 0
  let tampered: number | undefined
  server.on('connection', (client) => {
    const replica = new WebSocket(target)
    const early: string[] = []
    /** The delivery that is held back until the next delivery on this connection. */
    let held: string | undefined
    replica.on('open', () => {
      for (const text of early.splice(0)) replica.send(text)
    })
    client.on('message', (data) => (replica.readyState === WebSocket.OPEN ? replica.send(data.toString()) : early.push(data.toString())))
    client.on('close', () => replica.terminate())
    replica.on('close', () => client.terminate())
    replica.on('message', (data) => {
      const text = data.toString()
      const message = JSON.parse(text) as { type: string; data?: { n: number } }
      if (message.type !== 'room_message') return client.send(text)
      const hit = ++deliveries === every && tampering !== 'nothing'
      if (hit) tampered = message.data?.n
      if (!hit || tampering === 'double') client.send(text)
      if (hit && tampering === 'double') client.send(text)
      if (held !== undefined) client.send(held)
      held = hit && tampering === 'swap' ? text : undefined
    })
  })
  await once(server, 'listening')
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, tampered: () => tampered }
}

/** Runs twenty clients in one room, which send messages until slightly more than ten thousand deliveries have been made. */
async function tryOn(tampering: Tampering): Promise<{ verdict: Verdict; tampered: number | undefined }> {
  const replica = await testReplica()
  const proxy = await tamperingProxy(replica.wsUrl + paths.ws, tampering)
  const ignore = () => {}
  const crowd = new Crowd({
    environment: nodeEnvironment,
    dialsPerSecond: 250,
    url: proxy.url,
    sockets: 20,
    rooms: 1,
    seed: 1,
    run: 'instrument',
    onCrossed: ignore,
    onStored: ignore,
    log: ignore,
  })
  crowd.connect()
  await until('all members are in the room', () => crowd.ready === 20, { withinMs: 15_000, everyMs: 20 })
  crowd.start(300)
  await until('enough messages', () => crowd.ledger.sent.length > every / 20 + 50, { withinMs: 20_000, everyMs: 20 })
  crowd.stop()
  await until('every answer', () => crowd.ledger.open === 0 && performance.now() - crowd.lastDeliveryAtMs > 300, {
    withinMs: 15_000,
    everyMs: 50,
  })
  crowd.end()
  return {
    verdict: judge({ ledger: crowd.ledger, log: undefined, faults: [], required: [], wire: crowd.connections.breaches }),
    tampered: proxy.tampered(),
  }
}

function found(verdict: Verdict): Partial<Record<FindingKind, number>> {
  const entries = Object.entries(verdict.findings).filter(([, { count }]) => count > 0)
  return Object.fromEntries(entries.map(([kind, { count }]) => [kind, count]))
}

describe('a server', () => {
  test('that changes nothing passes', async () => {
    const { verdict } = await tryOn('nothing')
    expect(found(verdict)).toEqual({})
    expect(verdict).toMatchObject({ pass: true, drops: { total: 0 } })
    expect(verdict.counts.delivered).toBe(verdict.counts.expected)
    expect(verdict.counts.expected).toBeGreaterThan(every)
  })

  test('that drops one delivery in ten thousand is detected', async () => {
    const { verdict, tampered } = await tryOn('drop')
    expect(verdict.pass).toBe(false)
    expect(found(verdict)).toMatchObject({ lost: 1, skipped: 1 })
    expect(verdict.findings.lost.first[0]).toMatch(new RegExp(`^message ${tampered} of member \\d+ .*never reached member \\d+$`))
  })

  test('that duplicates one delivery is detected', async () => {
    const { verdict, tampered } = await tryOn('double')
    expect(verdict.pass).toBe(false)
    expect(found(verdict)).toEqual({ repeated: 1 })
    expect(verdict.findings.repeated.first[0]).toContain(`"n":${tampered},`)
  })

  test('that swaps two deliveries is detected', async () => {
    const { verdict, tampered } = await tryOn('swap')
    expect(verdict.pass).toBe(false)
    expect(found(verdict)).toMatchObject({ swapped: 1 })
    expect(verdict.findings.swapped.first[0]).toContain(`"n":${tampered},`)
  })
})
