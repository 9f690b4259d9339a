/**
 * The instrument itself, tried on servers that are broken on purpose: a real replica and real clients, and between them a
 * proxy that leaves out, repeats or swaps one delivery in ten thousand. Each must be caught, and the message named.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { paths } from '../contract/src/endpoints.ts'
import { testReplica } from '../services/ws/test/harness.ts'
import type { FindingKind } from './core/findings.ts'
import { judge, type Verdict } from './core/verdict.ts'
import { Crowd } from './crowd.ts'
import { until } from './lab.ts'
import { nodeEnvironment } from './node-environment.ts'

type Tampering = 'nothing' | 'drop' | 'double' | 'swap'

/** Deliveries up to the one that is tampered with. */
const every = 10_000

interface Proxy {
  url: string
  /** Number of the message that was tampered with. */
  tampered(): number | undefined
}

/** Passes everything on as it is, but for one delivery. */
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
    /** Held back until the next delivery on this connection. */
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

/** Twenty members in one room until a little more than ten thousand deliveries have been made. */
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
  await until('everybody in the room', async () => crowd.ready === 20, 15_000, 20)
  crowd.start(300)
  await until('enough messages', async () => crowd.ledger.sent.length > every / 20 + 50, 20_000, 20)
  crowd.stop()
  await until('every answer', async () => crowd.ledger.open === 0 && performance.now() - crowd.lastDeliveryAtMs > 300, 15_000, 50)
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
  test('that does nothing wrong passes', async () => {
    const { verdict } = await tryOn('nothing')
    expect(found(verdict)).toEqual({})
    expect(verdict).toMatchObject({ pass: true, drops: { total: 0 } })
    expect(verdict.counts.delivered).toBe(verdict.counts.expected)
    expect(verdict.counts.expected).toBeGreaterThan(every)
  })

  test('that leaves out one delivery in ten thousand is caught', async () => {
    const { verdict, tampered } = await tryOn('drop')
    expect(verdict.pass).toBe(false)
    expect(found(verdict)).toMatchObject({ lost: 1, skipped: 1 })
    expect(verdict.findings.lost.first[0]).toMatch(new RegExp(`^message ${tampered} of member \\d+ .*never reached member \\d+$`))
  })

  test('that makes one delivery twice is caught', async () => {
    const { verdict, tampered } = await tryOn('double')
    expect(verdict.pass).toBe(false)
    expect(found(verdict)).toEqual({ repeated: 1 })
    expect(verdict.findings.repeated.first[0]).toContain(`"n":${tampered},`)
  })

  test('that swaps two deliveries is caught', async () => {
    const { verdict, tampered } = await tryOn('swap')
    expect(verdict.pass).toBe(false)
    expect(found(verdict)).toMatchObject({ swapped: 1 })
    expect(verdict.findings.swapped.first[0]).toContain(`"n":${tampered},`)
  })
})
