/** Parts shared by all benchmark scenarios: the interface to the benchmark, frames, and waits with a time limit. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import { until } from '@lab/host/until.ts'
import type { Busy } from './busy.ts'
import { type Address, BenchClients, type LoadSocket } from './client.ts'
import { maskedFrame, opcodes } from './frames.ts'
import type { Memory } from './preload.ts'

export const answerTimeoutMs = 10_000
const room = 'bench'

/** The interface through which a scenario uses the benchmark. */
export interface Bench {
  /** Address of the server, or of the proxy in front of the server. */
  address: Address
  /** The processes whose CPU time counts as the server's. */
  pids: readonly number[]
  /** Returns the server's memory usage, optionally after a garbage collection. */
  memory: (collect: boolean) => Promise<Memory>
  /** Switches the feature under test on or off. */
  switch: (on: boolean) => Promise<void>
  /** Factor applied to durations: 1 for a complete run, less for a quick run. */
  scale: number
  /** Runs the measured part of a scenario, and records a CPU profile if requested. */
  measured: <T>(part: () => Promise<T>) => Promise<T>
}

/** A scenario's figures by name, and the CPU usage during the measurement. */
export interface Outcome {
  figures: Record<string, number>
  busy: Busy
}

export type Scenario = (bench: Bench) => Promise<Outcome>

/** Builds a client frame that contains the given message. */
export function frameOf(message: object): Buffer {
  return maskedFrame(opcodes.text, Buffer.from(JSON.stringify(message)))
}

/** A message of about 100 bytes, like a typical chat message. */
const echoMessage = { type: 'message', id: 'm-0001', time: Date.now(), data: { text: 'how is the weather over there?' } }
export const echoFrame = frameOf(echoMessage)
export const joinFrame = frameOf({ type: 'join', id: 'j-0001', room })

/**
 * Builds a frame with a room message, by default for the room that `joinFrame` joins.
 * @param id an id that the sender has not used before, because the service treats a repeated id as a duplicate
 */
export function broadcastFrameOf(id: string, to = room): Buffer {
  return frameOf({ type: 'broadcast', id, time: Date.now(), room: to, data: { text: 'hello everybody in the room' } })
}

/** A message from the server; `type` is the only field common to all messages. */
export interface Answer extends Record<string, unknown> {
  type: ServerMessageType
}

/** Sends a frame and waits for the next message. @throws Error if no message arrives within 10 s */
export async function ask(clients: BenchClients, socket: LoadSocket, frame: Buffer): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.reader.onText = resolve
  socket.write(frame)
  const text = await clients.during(Promise.race([promise, refuseAfter(answerTimeoutMs, 'no answer')]))
  socket.reader.onText = undefined
  return JSON.parse(text)
}

export async function refuseAfter(ms: number, what: string): Promise<never> {
  await sleep(ms, undefined, { ref: false })
  throw new Error(`${what} within ${ms} ms`)
}

/** Opens sockets and uses one message to check that the server works correctly, before its speed is measured. */
export async function openChecked(clients: BenchClients, address: Address, count: number): Promise<void> {
  await clients.open(address, count)
  const first = clients.sockets[0]
  if (!first) throw new Error('no socket')
  const answer = await ask(clients, first, echoFrame)
  const same =
    answer.type === 'message_response' && answer.id === echoMessage.id && JSON.stringify(answer.data) === JSON.stringify(echoMessage.data)
  if (!same || !answer.replica || !answer.time) throw new Error(`unexpected answer to a message: ${JSON.stringify(answer)}`)
}

/** Runs a scenario with its own clients, and closes these clients even if an error occurs. */
export function withClients(run: (clients: BenchClients, bench: Bench) => Promise<Outcome>): Scenario {
  return async (bench) => {
    const clients = new BenchClients()
    try {
      return await run(clients, bench)
    } finally {
      clients.end()
    }
  }
}

/**
 * Waits until all expected messages have arrived. If some messages are still missing after 10 s, rejects with the number of missing
 * messages.
 */
export async function allArrived(what: string, missing: () => number): Promise<void> {
  const probe = () => {
    if (missing() === 0) return true
    throw new Error(`${missing()} are missing`)
  }
  await until(what, probe, { withinMs: answerTimeoutMs, everyMs: 5 })
}
