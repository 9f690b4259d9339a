/** Defines the benchmark scenarios. Each scenario measures a newly started server and returns its figures by name. */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Busy, joinBusy, watchBusy } from './busy.ts'
import type { BenchClients, LoadSocket } from './client.ts'
import {
  allArrived,
  ask,
  type Bench,
  broadcastFrameOf,
  echoFrame,
  frameOf,
  joinFrame,
  type Outcome,
  openChecked,
  type Scenario,
  withClients,
} from './scenario-parts.ts'
import { percentile, spread } from './stats.ts'
import { steady } from './steady.ts'

const kibi = 1024
const mebi = 1024 * 1024
/** Number of measurement pairs per round; each pair measures once with the feature on and once with the feature off. */
const switchedPairs = 10

/** Keeps `depth` messages in flight on each of 100 sockets while `measure` runs. */
function echoing(depth: number, measure: (clients: BenchClients, bench: Bench, answered: () => number) => Promise<Outcome>): Scenario {
  return withClients(async (clients, bench) => {
    const frames = Buffer.concat(Array.from({ length: depth }, () => echoFrame))
    await openChecked(clients, bench.address, 100)
    let [answered, owed, sending] = [0, 0, true]
    for (const socket of clients.sockets) {
      socket.onMessages = (count) => {
        answered += count
        if (sending) socket.write(frames.subarray(0, count * echoFrame.length))
        else owed -= count
      }
      socket.write(frames)
    }
    await clients.during(sleep(2000 * bench.scale))
    const outcome = await bench.measured(() => measure(clients, bench, () => answered))
    sending = false
    owed += depth * clients.sockets.length
    await clients.during(allArrived('every answer', () => owed))
    return outcome
  })
}

/** Measures the rate of echo messages and how much CPU time they take. */
const echo = (depth: number) =>
  echoing(depth, async (clients, bench, answered) => {
    const [before, busySince] = [answered(), watchBusy(bench.pids)]
    await clients.during(sleep(3000 * bench.scale))
    const busy = busySince()
    const rate = (answered() - before) / busy.seconds
    return { figures: { rate, cpu: (busy.server * 1e6) / rate }, busy }
  })

/**
 * Measures echo messages while a feature is switched on and off within one process, because the difference between two processes exceeds
 * the cost of the feature.
 */
const echoSwitched = (depth: number) =>
  echoing(depth, async (clients, bench, answered) => {
    const turns = { off: [] as { rate: number; cpu: number }[], on: [] as { rate: number; cpu: number }[] }
    const parts: Busy[] = []
    // Each pair consists of one measurement with the feature on and one with the feature off; their order alternates from pair to pair.
    for (let pair = 0; pair < switchedPairs; pair++) {
      for (const turn of pair % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const)) {
        await bench.switch(turn === 'on')
        // This pause separates the span exports of two consecutive measurements.
        await clients.during(sleep(1200))
        const [before, busySince] = [answered(), watchBusy(bench.pids)]
        await clients.during(sleep(1500 * bench.scale))
        const busy = busySince()
        const rate = (answered() - before) / busy.seconds
        turns[turn].push({ rate, cpu: (busy.server * 1e6) / rate })
        parts.push(busy)
      }
    }
    // The median is robust against individual measurements taken while the machine was slow.
    const middle = (turn: 'off' | 'on', figure: 'rate' | 'cpu') => spread(turns[turn].map((one) => one[figure])).median
    const figures = {
      rateOff: middle('off', 'rate'),
      rateOn: middle('on', 'rate'),
      cpuOff: middle('off', 'cpu'),
      cpuOn: middle('on', 'cpu'),
    }
    return { figures, busy: joinBusy(parts) }
  })

/**
 * One of a room's 1,000 members sends messages to all members. The next message is sent once all members have received the previous one.
 */
const fanOut: Scenario = withClients(async (clients, bench) => {
  const members = 1000
  await openChecked(clients, bench.address, members)
  for (const socket of clients.sockets) {
    const { type } = await ask(clients, socket, joinFrame)
    if (type !== 'room_joined') throw new Error(`unexpected answer to join: ${type}`)
  }
  const sender = clients.sockets[0]
  // The sender receives a response to its message and, as a member of the room, also the message itself.
  const wholeRound = members + 1
  let [left, startedAt, rounds, sent] = [0, 0, 0, 0]
  let times: number[] = []
  let sending = true
  const send = () => {
    left = wholeRound
    startedAt = performance.now()
    sender?.write(broadcastFrameOf(`b-${sent++}`))
  }
  for (const socket of clients.sockets) {
    socket.onMessages = (count) => {
      left -= count
      if (left > 0) return
      times.push(performance.now() - startedAt)
      rounds++
      if (sending) send()
    }
  }
  send()
  await clients.during(sleep(1500 * bench.scale))
  const { rate, busy, lasts } = await bench.measured(async () => {
    times = []
    const [before, busySince] = [rounds, watchBusy(bench.pids)]
    await clients.during(sleep(4000 * bench.scale))
    const busy = busySince()
    return { rate: ((rounds - before) * members) / busy.seconds, busy, lasts: times }
  })
  sending = false
  await clients.during(allArrived(`${wholeRound} deliveries`, () => left))
  if (lasts.length === 0) throw new Error('no broadcast reached all members within the measured time')
  return { figures: { rate, lastP50: percentile(lasts, 0.5), lastP99: percentile(lasts, 0.99), cpu: (busy.server * 1e6) / rate }, busy }
})

/** Opens sockets as fast as the server accepts connections, 128 at a time, and optionally measures the memory that idle sockets use. */
function connects(count: number, measureMemory: boolean): Scenario {
  return withClients(async (clients, bench) => {
    const half = count / 2
    const empty = measureMemory ? await bench.memory(true) : undefined
    const busyParts: Busy[] = []
    const open = async () => {
      const busySince = watchBusy(bench.pids)
      await clients.open(bench.address, half)
      busyParts.push(busySince())
    }
    await bench.measured(open)
    const atHalf = measureMemory ? await bench.memory(true) : undefined
    await open()
    const busy = joinBusy(busyParts)
    const figures: Record<string, number> = { rate: count / busy.seconds, cpu: (busy.server * busy.seconds * 1e6) / count }
    if (empty && atHalf) {
      const uncollected = await bench.memory(false)
      const full = await bench.memory(true)
      figures.perSocket = (full.rss - empty.rss) / count / kibi
      figures.slope = (full.rss - atHalf.rss) / half / kibi
      figures.heapPerSocket = (full.heapUsed - empty.heapUsed) / count / kibi
      figures.rss = full.rss / mebi
      figures.rssUncollected = uncollected.rss / mebi
    }
    return { figures, busy }
  })
}

/** Measures how much memory room members use, with two members in each room, and how much more a full room log uses. */
const members: Scenario = withClients(async (clients, bench) => {
  const count = 5000
  // With four messages from each of 5,000 members, the room log reaches its capacity of 20,000 messages.
  const messagesEach = 4
  const empty = await bench.memory(true)
  const busySince = watchBusy(bench.pids)
  await openChecked(clients, bench.address, count)
  let [answered, due] = [0, 0]
  const all = async (answers: number, write: (socket: LoadSocket, room: string) => void) => {
    due += answers * count
    for (const [i, socket] of clients.sockets.entries()) write(socket, `bench-${i >> 1}`)
    await clients.during(allArrived(`${due} messages`, () => due - answered))
  }
  for (const socket of clients.sockets) {
    socket.onMessages = (messages) => {
      answered += messages
    }
  }
  await all(1, (socket, room) => socket.write(frameOf({ type: 'join', id: 'j-1', room })))
  const joined = await bench.memory(true)
  for (let i = 0; i < messagesEach; i++) {
    // After both members have sent a message, each of them receives three messages: the response to its own message, and both members' room
    // messages.
    await all(3, (socket, room) => socket.write(broadcastFrameOf(`b-${i}`, room)))
  }
  const full = await bench.memory(true)
  return {
    figures: {
      perMember: (joined.rss - empty.rss) / count / kibi,
      withLog: (full.rss - empty.rss) / count / kibi,
      heapPerMember: (full.heapUsed - empty.heapUsed) / count / kibi,
    },
    busy: busySince(),
  }
})

/** All benchmark scenarios, in order of execution. */
export const scenarios = {
  echo1: echo(1),
  echo16: echo(16),
  switched1: echoSwitched(1),
  switched16: echoSwitched(16),
  steady1k: steady(1000, 5),
  steady10kOff: steady(10_000, 9),
  steady10kOn: steady(10_000, 9),
  fanOut,
  connects: connects(10_000, true),
  connectsFew: connects(2000, false),
  members,
} as const satisfies Record<string, Scenario>
export type ScenarioName = keyof typeof scenarios
