/** Latency at a fixed rate. */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchBusy } from './busy.ts'
import type { Crowd } from './client.ts'
import { answerTimeoutMs, echoFrame, openChecked, refuseAfter, type Scenario, withCrowd } from './scenario-parts.ts'
import { percentile } from './stats.ts'

/**
 * 5,000 messages a second on 1,000 of the sockets, sent when they are due however late answers are (an open model), and timed
 * from when they were due: a server that stalls is charged for every message that had to wait.
 */
export function steady(sockets: number, fullSeconds: number): Scenario {
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
