/** A real replica on free loopback ports, and a socket that turns a conversation into awaits. */
import { setTimeout as sleep } from 'node:timers/promises'
import { paths } from '@lab/contract/endpoints.ts'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { type Config, readConfig, type SettingName } from '../src/config.ts'
import type { ServerMessage } from '../src/protocol.ts'
import { type Replica, startReplica } from '../src/replica.ts'

/** How long anything may take before a test gives up waiting. Generous: the machine may be busy. */
export const patienceMs = 15_000

export type Env = Partial<Record<SettingName, string | number>>

export function testConfig(env: Env = {}): Config {
  const given = {
    HOST: '127.0.0.1',
    PORT: 0,
    INTERNAL_PORT: 0,
    DRAIN_DELAY: 0,
    DRAIN_TIMEOUT: 1000,
    LAST_SCRAPE_TIMEOUT: 0,
    ...env,
  }
  const result = readConfig(Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)])))
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

/** What was logged, newest last. */
export interface Logged {
  level: 'info' | 'error'
  text: string
  fields: Record<string, unknown>
}

export interface TestReplica extends Replica {
  logged: Logged[]
  httpUrl: string
  wsUrl: string
  connect(options?: { id?: string; headers?: Record<string, string> }): Promise<TestSocket>
  /** Sum of a metric over all series that have these labels. */
  metric(name: string, labels?: Record<string, string>): Promise<number>
}

/** Starts a replica that ends with the test. */
export async function testReplica(env: Env = {}): Promise<TestReplica> {
  const logged: Logged[] = []
  const log = {
    info: (fields: object, text: string) => void logged.push({ level: 'info', text, fields: fields as Record<string, unknown> }),
    error: (fields: object, text: string) => void logged.push({ level: 'error', text, fields: fields as Record<string, unknown> }),
  }
  const replica = await startReplica({ config: testConfig(env), id: 'ws-test', version: '0.0.0', log })
  onTestFinished(async () => {
    // Without sockets a drain has nothing to wait for; asked twice, it doesn't wait for the router either.
    replica.hub.terminateAll()
    await until(
      () => replica.hub.size,
      (size) => size === 0,
      'every socket is gone',
    )
    void replica.drain()
    await replica.drain()
  })
  const wsUrl = `ws://127.0.0.1:${replica.port}`
  const httpUrl = `http://127.0.0.1:${replica.port}`
  const connect: TestReplica['connect'] = async ({ id, headers } = {}) => {
    const path = id === undefined ? paths.ws : paths.wsChat.replace(':connectionId', id)
    const socket = new TestSocket(new WebSocket(wsUrl + path, { headers: headers ?? {} }))
    await socket.opened
    return socket
  }
  const metric: TestReplica['metric'] = async (name, labels = {}) => {
    const text = await (await fetch(`http://127.0.0.1:${replica.internalPort}${paths.metrics}`)).text()
    return sumSeries(text, name, labels)
  }
  return Object.assign(replica, { logged, wsUrl, httpUrl, connect, metric })
}

/** Adds up the samples of one metric in Prometheus' text format. NaN when there is none. */
export function sumSeries(text: string, name: string, labels: Record<string, string>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const samples = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => wanted.every((pair) => line.includes(pair)))
  return samples.length === 0 ? Number.NaN : samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** Waits for a fact. Fails with what was seen last. */
export async function until<T>(read: () => T | Promise<T>, fits: (value: T) => boolean, what: string): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const value = await read()
    if (fits(value)) return value
    if (Date.now() > deadline) throw new Error(`${what}: not within ${patienceMs} ms; last seen: ${JSON.stringify(value)}`)
    await sleep(20)
  }
}

type Received<T extends ServerMessageType> = Extract<ServerMessage, { type: T }>

/** A client whose received messages are waited for one by one. */
export class TestSocket {
  readonly raw: WebSocket
  readonly opened: Promise<void>
  readonly closed: Promise<{ code: number; reason: string }>
  /** Response headers of the upgrade. */
  headers: Record<string, string | string[] | undefined> = {}
  private readonly inbox: ServerMessage[] = []
  private wake = () => {}

  constructor(raw: WebSocket) {
    this.raw = raw
    this.opened = new Promise((resolve, reject) => {
      raw.once('open', resolve)
      raw.once('error', reject)
    })
    this.closed = new Promise((resolve) => raw.once('close', (code, reason) => resolve({ code, reason: reason.toString() })))
    raw.on('error', () => {})
    raw.on('upgrade', (response) => {
      this.headers = response.headers
    })
    raw.on('message', (data, isBinary) => {
      if (isBinary) throw new Error('the service sent a binary frame')
      this.inbox.push(JSON.parse(data.toString()) as ServerMessage)
      this.wake()
    })
  }

  send(message: unknown): void {
    this.raw.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message))
  }

  /** The next message of this type; others that arrive before it are passed over. */
  async next<T extends ServerMessageType>(type: T): Promise<Received<T>> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      for (let message = this.inbox.shift(); message !== undefined; message = this.inbox.shift()) {
        if (message.type === type) return message as Received<T>
      }
      const leftMs = deadline - Date.now()
      if (leftMs <= 0) throw new Error(`no ${type} within ${patienceMs} ms`)
      await Promise.race([new Promise<void>((resolve) => (this.wake = resolve)), sleep(leftMs)])
    }
  }

  /** Sends and waits for the answer that repeats the id. */
  async ask<T extends ServerMessageType>(message: object, answer: T): Promise<Received<T>> {
    this.send(message)
    return this.next(answer)
  }

  close(): void {
    this.raw.close(1000)
  }
}
