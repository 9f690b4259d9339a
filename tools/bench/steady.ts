/** Defines the scenario that measures latency at a fixed message rate. */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchBusy } from './busy.ts'
import type { BenchClients } from './client.ts'
import { answerTimeoutMs, echoFrame, openChecked, refuseAfter, type Scenario, withClients } from './scenario-parts.ts'
import { percentile } from './stats.ts'

/**
 * Opens the given number of sockets, and sends 5,000 messages a second over 1,000 of them. Messages are sent when they are due, whether or
 * not earlier messages have received a response (an open model). Latency is measured from the time at which a message is due, so that a
 * server stall counts for every message that it delays.
 */
export function steady(sockets: number, fullSeconds: number): Scenario {
  return withClients(async (clients, bench) => {
    await openChecked(clients, bench.address, Math.max(1000, sockets))
    await clients.during(sleep(500))
    const warmUp = 5000 * bench.scale
    const rate = 5000
    await sendOnTime(clients, warmUp, rate)
    const seconds = Math.max(5, fullSeconds * bench.scale)
    const { result, busy } = await bench.measured(async () => {
      const busySince = watchBusy(bench.pids)
      return { result: await sendOnTime(clients, seconds * rate, rate), busy: busySince() }
    })
    const microseconds = (values: Float64Array, share: number) => percentile(values, share) * 1000
    const figures = {
      p50: microseconds(result.latencies, 0.5),
      p99: microseconds(result.latencies, 0.99),
      max: microseconds(result.latencies, 1),
      sentLateP99: microseconds(result.lateness, 0.99),
    }
    // The load generator uses a busy loop for exact timing, so its CPU usage is meaningless; its send delay is reported instead.
    return { figures, busy: { ...busy, generator: Number.NaN } }
  })
}

/** @returns each message's response delay and send delay, both in milliseconds after the message was due */
async function sendOnTime(clients: BenchClients, total: number, perSecond: number) {
  const senders = clients.sockets.slice(0, 1000)
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
    // The first message is due as soon as the measurement starts.
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
    await clients.during(Promise.race([done, refuseAfter(allowedMs, `${total} answers (${answered} received)`)]))
  } finally {
    ended = true
  }
  return { latencies, lateness }
}
