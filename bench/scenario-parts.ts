/** What the scenarios share: their frame of reference, their frames, and waiting with a bound. */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Busy } from './busy.ts'
import { type Address, Crowd, type LoadSocket } from './client.ts'
import { maskedFrame, opcodes } from './frames.ts'
import type { Memory } from './preload.ts'

export const answerTimeoutMs = 10_000
const room = 'bench'

/** What a scenario may use. */
export interface Bench {
  /** Where the load goes: the server, or the proxy before it. */
  address: Address
  /** Processes on the server's core whose CPU time counts as the server's. */
  pids: readonly number[]
  /** Memory of the server, after garbage collection or as it is. */
  memory: (collect: boolean) => Promise<Memory>
  /** Switches what the server has to switch. */
  switch: (on: boolean) => Promise<void>
  /** Scales durations down for a quick look: 1 for a whole run. */
  scale: number
  /** Wraps the measured part, for profiling. */
  measured: <T>(part: () => Promise<T>) => Promise<T>
}

/** Figures by name, and how busy everybody was while they were taken. */
export interface Outcome {
  figures: Record<string, number>
  busy: Busy
}

export type Scenario = (bench: Bench) => Promise<Outcome>

/** One client frame with this message. */
export function frameOf(message: object): Buffer {
  return maskedFrame(opcodes.text, Buffer.from(JSON.stringify(message)))
}

/** About 100 bytes, as a chat message would be. */
const echoMessage = { type: 'message', id: 'm-0001', time: Date.now(), data: { text: 'how is the weather over there?' } }
export const echoFrame = frameOf(echoMessage)
export const joinFrame = frameOf({ type: 'join', id: 'j-0001', room })

/** A message to a room, by default the one of `joinFrame`. One id is stored once for each sender. */
export function broadcastFrameOf(id: string, to = room): Buffer {
  return frameOf({ type: 'broadcast', id, time: Date.now(), room: to, data: { text: 'hello everybody in the room' } })
}

/** Sends one frame and waits for the next message. @throws Error when none comes within 10 s */
export async function ask(crowd: Crowd, socket: LoadSocket, frame: Buffer): Promise<Record<string, unknown>> {
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.reader.onText = resolve
  socket.write(frame)
  const text = await crowd.during(Promise.race([promise, refuseAfter(answerTimeoutMs, 'no answer')]))
  socket.reader.onText = undefined
  return JSON.parse(text)
}

export async function refuseAfter(ms: number, what: string): Promise<never> {
  await sleep(ms, undefined, { ref: false })
  throw new Error(`${what} within ${ms} ms`)
}

/** Opens sockets and makes sure that the server really does the job, before its speed is of interest. */
export async function openChecked(crowd: Crowd, address: Address, count: number): Promise<void> {
  await crowd.open(address, count)
  const first = crowd.sockets[0]
  if (!first) throw new Error('no socket')
  const answer = await ask(crowd, first, echoFrame)
  const same =
    answer.type === 'message_response' && answer.id === echoMessage.id && JSON.stringify(answer.data) === JSON.stringify(echoMessage.data)
  if (!same || !answer.replica || !answer.time) throw new Error(`not the answer to a message: ${JSON.stringify(answer)}`)
}

/** Runs a scenario on a crowd that is ended in any case. */
export function withCrowd(run: (crowd: Crowd, bench: Bench) => Promise<Outcome>): Scenario {
  return async (bench) => {
    const crowd = new Crowd()
    try {
      return await run(crowd, bench)
    } finally {
      crowd.end()
    }
  }
}

/** Looks every 5 ms. @throws Error with the complaint when it is not met within 10 s */
export async function until(met: () => boolean, complaint: () => string): Promise<void> {
  const deadline = performance.now() + answerTimeoutMs
  while (!met()) {
    if (performance.now() > deadline) throw new Error(complaint())
    await sleep(5)
  }
}
