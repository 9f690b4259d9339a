/** What is measured: each scenario gets a freshly started server and gives back figures by name. */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Busy, joinBusy, watchBusy } from './busy.ts'
import { type Address, Crowd, type LoadSocket } from './client.ts'
import { maskedFrame, opcodes } from './frames.ts'
import type { Memory } from './preload.ts'
import { percentile } from './stats.ts'

const answerTimeoutMs = 10_000
const kibi = 1024
const mebi = 1024 * 1024
const room = 'bench'

/** What a scenario may use. */
export interface Bench {
  /** Where the load goes: the server, or the proxy before it. */
  address: Address
  /** Processes on the server's core whose CPU time counts as the server's. */
  pids: readonly number[]
  /** Memory of the server after garbage collection. */
  memory: () => Promise<Memory>
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

type Scenario = (bench: Bench) => Promise<Outcome>

function frameOf(message: object): Buffer {
  return maskedFrame(opcodes.text, Buffer.from(JSON.stringify(message)))
}

/** About 100 bytes, as a chat message would be. */
const echoMessage = { type: 'message', id: 'm-0001', time: Date.now(), data: { text: 'how is the weather over there?' } }
const echoFrame = frameOf(echoMessage)
const joinFrame = frameOf({ type: 'join', id: 'j-0001', room })
const broadcastFrame = frameOf({ type: 'broadcast', id: 'b-0001', time: Date.now(), room, data: { text: 'hello everybody in the room' } })

/** Sends one frame and waits for the next message. @throws Error when none comes within 10 s */
async function ask(crowd: Crowd, socket: LoadSocket, frame: Buffer): Promise<Record<string, unknown>> {
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.reader.onText = resolve
  socket.write(frame)
  const text = await crowd.during(Promise.race([promise, refuseAfter(answerTimeoutMs, 'no answer')]))
  socket.reader.onText = undefined
  return JSON.parse(text)
}

async function refuseAfter(ms: number, what: string): Promise<never> {
  await sleep(ms, undefined, { ref: false })
  throw new Error(`${what} within ${ms} ms`)
}

/** Opens sockets and makes sure that the server really does the job, before its speed is of interest. */
async function openChecked(crowd: Crowd, address: Address, count: number): Promise<void> {
  await crowd.open(address, count)
  const first = crowd.sockets[0]
  if (!first) throw new Error('no socket')
  const answer = await ask(crowd, first, echoFrame)
  const same =
    answer.type === 'message_response' && answer.id === echoMessage.id && JSON.stringify(answer.data) === JSON.stringify(echoMessage.data)
  if (!same || answer.seq !== 1 || !answer.replica || !answer.time)
    throw new Error(`not the answer to a message: ${JSON.stringify(answer)}`)
}

/** Runs a scenario on a crowd that is ended in any case. */
function withCrowd(run: (crowd: Crowd, bench: Bench) => Promise<Outcome>): Scenario {
  return async (bench) => {
    const crowd = new Crowd()
    try {
      return await run(crowd, bench)
    } finally {
      crowd.end()
    }
  }
}

/** 100 sockets, each with `depth` messages on their way at any time. */
function echo(depth: number): Scenario {
  return withCrowd(async (crowd, bench) => {
    const frames = Buffer.concat(Array.from({ length: depth }, () => echoFrame))
    await openChecked(crowd, bench.address, 100)
    let [answered, owed, sending] = [0, 0, true]
    for (const socket of crowd.sockets) {
      socket.onMessages = (count) => {
        answered += count
        if (sending) socket.write(frames.subarray(0, count * echoFrame.length))
        else owed -= count
      }
      socket.write(frames)
    }
    await crowd.during(sleep(2000 * bench.scale))
    const { rate, busy } = await bench.measured(async () => {
      const [before, busySince] = [answered, watchBusy(bench.pids)]
      await crowd.during(sleep(3000 * bench.scale))
      const busy = busySince()
      return { rate: (answered - before) / busy.seconds, busy }
    })
    sending = false
    owed += depth * crowd.sockets.length
    await crowd.during(
      until(
        () => owed === 0,
        () => `${owed} answers are missing`,
      ),
    )
    return { figures: { rate, cpu: (busy.server * 1e6) / rate }, busy }
  })
}

async function until(met: () => boolean, complaint: () => string): Promise<void> {
  const deadline = performance.now() + answerTimeoutMs
  while (!met()) {
    if (performance.now() > deadline) throw new Error(complaint())
    await sleep(5)
  }
}

/**
 * 5,000 messages a second on 1,000 of the sockets, sent when they are due however late answers are (an open model), and timed
 * from when they were due: a server that stalls is charged for every message that had to wait.
 */
function steady(sockets: number, fullSeconds: number): Scenario {
  return withCrowd(async (crowd, bench) => {
    await openChecked(crowd, bench.address, Math.max(1000, sockets))
    await crowd.during(sleep(500))
    const warmUp = 5000 * bench.scale
    const rate = 5000
    await sendOnTime(crowd, warmUp, rate)
    const seconds = Math.max(5, fullSeconds * bench.scale)
    const { result, busy } = await bench.measured(async () => {
      const busySince = watchBusy(bench.pids)
      return { result: await sendOnTime(crowd, seconds * rate, rate), busy: busySince() }
    })
    const microseconds = (values: Float64Array, share: number) => percentile(values, share) * 1000
    const figures = {
      p50: microseconds(result.latencies, 0.5),
      p99: microseconds(result.latencies, 0.99),
      max: microseconds(result.latencies, 1),
      sentLateP99: microseconds(result.lateness, 0.99),
    }
    // The generator spins to be on time, so its share of CPU says nothing here; how late it sent does.
    return { figures, busy: { ...busy, generator: Number.NaN } }
  })
}

/** @returns milliseconds by message: from due to answered, and from due to sent */
async function sendOnTime(crowd: Crowd, total: number, perSecond: number) {
  const senders = crowd.sockets.slice(0, 1000)
  const [latencies, lateness] = [new Float64Array(total), new Float64Array(total)]
  const waiting: number[][] = senders.map(() => [])
  let [next, answered, ended] = [0, 0, false]
  senders.forEach((socket, i) => {
    socket.onMessages = (count) => {
      const now = performance.now()
      for (let k = 0; k < count; k++) latencies[answered++] = now - (waiting[i]?.shift() ?? Number.NaN)
    }
  })
  const start = performance.now()
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const turn = () => {
    // The first is due at once.
    const due = Math.min(total, 1 + Math.floor(((performance.now() - start) * perSecond) / 1000))
    for (; next < due; next++) {
      const dueAt = start + (next * 1000) / perSecond
      const i = next % senders.length
      waiting[i]?.push(dueAt)
      senders[i]?.write(echoFrame)
      lateness[next] = performance.now() - dueAt
    }
    if (answered === total) resolve()
    else if (!ended) setImmediate(turn)
  }
  turn()
  const allowedMs = (total / perSecond) * 1000 + answerTimeoutMs
  try {
    await crowd.during(Promise.race([done, refuseAfter(allowedMs, `${total} answers (${answered} came)`)]))
  } finally {
    ended = true
  }
  return { latencies, lateness }
}

/** One of 1,000 members of a room sends to all; the next message follows when everybody has the one before. */
const fanOut: Scenario = withCrowd(async (crowd, bench) => {
  const members = 1000
  await openChecked(crowd, bench.address, members)
  for (const socket of crowd.sockets) {
    const { type } = await ask(crowd, socket, joinFrame)
    if (type !== 'room_joined') throw new Error(`not the answer to join: ${type}`)
  }
  const sender = crowd.sockets[0]
  // The sender is a member and gets its answer besides.
  const wholeRound = members + 1
  let [left, startedAt, rounds] = [0, 0, 0]
  let times: number[] = []
  let sending = true
  const send = () => {
    left = wholeRound
    startedAt = performance.now()
    sender?.write(broadcastFrame)
  }
  for (const socket of crowd.sockets) {
    socket.onMessages = (count) => {
      left -= count
      if (left > 0) return
      times.push(performance.now() - startedAt)
      rounds++
      if (sending) send()
    }
  }
  send()
  await crowd.during(sleep(1500 * bench.scale))
  const { rate, busy, lasts } = await bench.measured(async () => {
    times = []
    const [before, busySince] = [rounds, watchBusy(bench.pids)]
    await crowd.during(sleep(4000 * bench.scale))
    const busy = busySince()
    return { rate: ((rounds - before) * members) / busy.seconds, busy, lasts: times }
  })
  sending = false
  await crowd.during(
    until(
      () => left === 0,
      () => `${left} of ${wholeRound} deliveries are missing`,
    ),
  )
  if (lasts.length === 0) throw new Error('no broadcast reached everybody in the time measured')
  return { figures: { rate, lastP50: percentile(lasts, 0.5), lastP99: percentile(lasts, 0.99), cpu: (busy.server * 1e6) / rate }, busy }
})

/** Opens sockets as fast as the server takes them, 128 at a time, and sees what they weigh when they are idle. */
function connects(count: number, weigh: boolean): Scenario {
  return withCrowd(async (crowd, bench) => {
    const half = count / 2
    const empty = weigh ? await bench.memory() : undefined
    const busyParts: Busy[] = []
    const open = async () => {
      const busySince = watchBusy(bench.pids)
      await crowd.open(bench.address, half)
      busyParts.push(busySince())
    }
    await bench.measured(open)
    const atHalf = weigh ? await bench.memory() : undefined
    await open()
    const busy = joinBusy(busyParts)
    const figures: Record<string, number> = { rate: count / busy.seconds, cpu: (busy.server * busy.seconds * 1e6) / count }
    if (empty && atHalf) {
      const full = await bench.memory()
      figures.perSocket = (full.rss - empty.rss) / count / kibi
      figures.slope = (full.rss - atHalf.rss) / half / kibi
      figures.heapPerSocket = (full.heapUsed - empty.heapUsed) / count / kibi
      figures.rss = full.rss / mebi
    }
    return { figures, busy }
  })
}

/** All of them, in the order they are run. */
export const scenarios = {
  echo1: echo(1),
  echo16: echo(16),
  steady1k: steady(1000, 5),
  steady10kOff: steady(10_000, 9),
  steady10kOn: steady(10_000, 9),
  fanOut,
  connects: connects(10_000, true),
  connectsFew: connects(2000, false),
} as const satisfies Record<string, Scenario>
export type ScenarioName = keyof typeof scenarios
