/** Test helpers: a real replica on free local ports, and a socket whose messages are awaited one by one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { paths } from '@lab/contract/endpoints.ts'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import { until } from '@lab/host/until.ts'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { type Config, readConfig, type SettingName } from '../src/config.ts'
import type { ServerMessage } from '../src/protocol.ts'
import { type RunningService, startReplica } from '../src/replica.ts'

/** Timeout for every wait in a test. The timeout is generous, because the machine may be busy. */
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
  return result.value
}

/** The lines that the replica has logged, oldest first. */
export interface Logged {
  level: 'info' | 'error'
  text: string
  fields: Record<string, unknown>
}

export interface TestReplica extends RunningService {
  logged: Logged[]
  httpUrl: string
  wsUrl: string
  connect(options?: { id?: string; headers?: Record<string, string> }): Promise<TestSocket>
  /** Returns the sum of a metric over all series that have the given labels. */
  metric(name: string, labels?: Record<string, string>): Promise<number>
}

/** Starts a replica that is stopped after the test. */
export async function testReplica(env: Env = {}): Promise<TestReplica> {
  const logged: Logged[] = []
  const log = {
    info: (fields: object, text: string) => void logged.push({ level: 'info', text, fields: fields as Record<string, unknown> }),
    error: (fields: object, text: string) => void logged.push({ level: 'error', text, fields: fields as Record<string, unknown> }),
  }
  const replica = await startReplica({ config: testConfig(env), id: 'ws-test', version: '0.0.0', log })
  onTestFinished(async () => {
    // A drain ends quickly if no sockets are open, and `atOnce` skips the delay for the router.
    replica.hub.terminateAll()
    await eventually(
      () => replica.hub.size,
      (size) => size === 0,
      'every socket is gone',
    )
    await replica.drain({ atOnce: true })
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

/** Adds up the samples of one metric in the Prometheus text format. Returns NaN if the metric has no series with the given labels. */
export function sumSeries(text: string, name: string, labels: Record<string, string>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const samples = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => wanted.every((pair) => line.includes(pair)))
  return samples.length === 0 ? Number.NaN : samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/**
 * Reads a value repeatedly until it satisfies the condition, and then returns it. If the wait times out, the error contains the last value
 * that was read.
 */
export async function eventually<T>(read: () => T | Promise<T>, fits: (value: T) => boolean, what: string): Promise<T> {
  const probe = async () => {
    const value = await read()
    if (!fits(value)) throw new Error(JSON.stringify(value))
    return { value }
  }
  return (await until(what, probe, { withinMs: patienceMs, everyMs: 20 })).value
}

type Received<T extends ServerMessageType> = Extract<ServerMessage, { type: T }>

/** A test client whose received messages are awaited one by one. */
export class TestSocket {
  readonly raw: WebSocket
  readonly opened: Promise<void>
  readonly closed: Promise<{ code: number; reason: string }>
  /** The headers of the response to the upgrade request. */
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

  /** Returns the next message of the given type. Messages of other types are dropped until a message of the given type arrives. */
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

  /** Sends a message, and returns the next message of the expected response type. */
  async ask<T extends ServerMessageType>(message: object, answer: T): Promise<Received<T>> {
    this.send(message)
    return this.next(answer)
  }

  close(): void {
    this.raw.close(1000)
  }
}
