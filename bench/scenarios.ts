/** What is measured: each scenario gets a freshly started server and gives back figures by name. */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Busy, joinBusy, watchBusy } from './busy.ts'
import type { Crowd, LoadSocket } from './client.ts'
import {
  ask,
  type Bench,
  broadcastFrameOf,
  echoFrame,
  frameOf,
  joinFrame,
  type Outcome,
  openChecked,
  type Scenario,
  until,
  withCrowd,
} from './scenario-parts.ts'
import { percentile, spread } from './stats.ts'
import { steady } from './steady.ts'

const kibi = 1024
const mebi = 1024 * 1024
/** How often each of the two is measured in a round. */
const switchedPairs = 10

/** 100 sockets, each with `depth` messages on their way at any time, while `measure` counts them. */
function echoing(depth: number, measure: (crowd: Crowd, bench: Bench, answered: () => number) => Promise<Outcome>): Scenario {
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
    const outcome = await bench.measured(() => measure(crowd, bench, () => answered))
    sending = false
    owed += depth * crowd.sockets.length
    await crowd.during(
      until(
        () => owed === 0,
        () => `${owed} answers are missing`,
      ),
    )
    return outcome
  })
}

/** Speed and price of an echo. */
const echo = (depth: number) =>
  echoing(depth, async (crowd, bench, answered) => {
    const [before, busySince] = [answered(), watchBusy(bench.pids)]
    await crowd.during(sleep(3000 * bench.scale))
    const busy = busySince()
    const rate = (answered() - before) / busy.seconds
    return { figures: { rate, cpu: (busy.server * 1e6) / rate }, busy }
  })

/** The same with something switched on and off in turns, in one process: what it costs is less than two processes differ. */
const echoSwitched = (depth: number) =>
  echoing(depth, async (crowd, bench, answered) => {
    const turns = { off: [] as { rate: number; cpu: number }[], on: [] as { rate: number; cpu: number }[] }
    const parts: Busy[] = []
    // Each comes first in every other pair.
    for (let pair = 0; pair < switchedPairs; pair++) {
      for (const turn of pair % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const)) {
        await bench.switch(turn === 'on')
        // Until what the turn before left behind has been sent, and this one sends, too.
        await crowd.during(sleep(1200))
        const [before, busySince] = [answered(), watchBusy(bench.pids)]
        await crowd.during(sleep(1500 * bench.scale))
        const busy = busySince()
        const rate = (answered() - before) / busy.seconds
        turns[turn].push({ rate, cpu: (busy.server * 1e6) / rate })
        parts.push(busy)
      }
    }
    // The median, for a turn in which the machine was slow says nothing.
    const middle = (turn: 'off' | 'on', figure: 'rate' | 'cpu') => spread(turns[turn].map((one) => one[figure])).median
    const figures = {
      rateOff: middle('off', 'rate'),
      rateOn: middle('on', 'rate'),
      cpuOff: middle('off', 'cpu'),
      cpuOn: middle('on', 'cpu'),
    }
    return { figures, busy: joinBusy(parts) }
  })

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
  let [left, startedAt, rounds, sent] = [0, 0, 0, 0]
  let times: number[] = []
  let sending = true
  const send = () => {
    left = wholeRound
    startedAt = performance.now()
    sender?.write(broadcastFrameOf(`b-${sent++}`))
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
    const empty = weigh ? await bench.memory(true) : undefined
    const busyParts: Busy[] = []
    const open = async () => {
      const busySince = watchBusy(bench.pids)
      await crowd.open(bench.address, half)
      busyParts.push(busySince())
    }
    await bench.measured(open)
    const atHalf = weigh ? await bench.memory(true) : undefined
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

/** Members of rooms, two in each: what they weigh when they have joined, and what comes on top when the room log is full. */
const members: Scenario = withCrowd(async (crowd, bench) => {
  const count = 5000
  // Four each make 20,000, which is as many as the room log holds.
  const messagesEach = 4
  const empty = await bench.memory(true)
  const busySince = watchBusy(bench.pids)
  await openChecked(crowd, bench.address, count)
  let [answered, due] = [0, 0]
  const all = async (answers: number, write: (socket: LoadSocket, room: string) => void) => {
    due += answers * count
    for (const [i, socket] of crowd.sockets.entries()) write(socket, `bench-${i >> 1}`)
    await crowd.during(
      until(
        () => answered === due,
        () => `${due - answered} of ${due} messages are missing`,
      ),
    )
  }
  for (const socket of crowd.sockets) {
    socket.onMessages = (messages) => {
      answered += messages
    }
  }
  await all(1, (socket, room) => socket.write(frameOf({ type: 'join', id: 'j-1', room })))
  const joined = await bench.memory(true)
  for (let i = 0; i < messagesEach; i++) {
    // Its own answer, and what both members of the room say.
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

/** All of them, in the order they are run. */
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
