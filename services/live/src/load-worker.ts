/**
 * Runs the load driver, which opens the requested number of client connections. Each client sends a message every few seconds. The load
 * driver exits when its parent process exits.
 */
import { createClient } from '@lab/client/client.ts'
import type { Client } from '@lab/client/types.ts'
import type { LoadReport, LoadRequest } from './load-messages.ts'

const url = process.argv[2] ?? ''
/** Maximum number of sockets opened or closed per step, so that a large load change is spread over time. */
const perStep = 25
const stepMs = 50
const reportMs = 500
/** Interval between two messages from the same client. */
const sendEveryMs = 2_000
/** Number of clients per room, and the fraction of their messages that clients send to their room. */
const roomSize = 10
const broadcastShare = 0.1
/** A client with more than `maxUnanswered` pending requests sends no new ones. */
const maxUnanswered = 10

interface LoadClient {
  client: Client
  room: string
}

const clients: LoadClient[] = []
let wanted = 0
let answered = 0
let roundTrips: number[] = []
let afresh = 0
/** Counter totals across all closed clients. */
const past = { moves: 0, lost: 0, reconnects: 0 }

function add(): void {
  const room = `load-${Math.floor(clients.length / roomSize)}`
  let sessions = 0
  const client = createClient({
    url,
    rooms: [room],
    onEvent: (event) => {
      if (event.type === 'attached' && event.how === 'fresh' && ++sessions > 1) afresh++
      if (event.type !== 'answered' || event.sends > 1) return
      answered++
      roundTrips.push(event.tookMs)
    },
  })
  clients.push({ client, room })
}

function remove(): void {
  const client = clients.pop()?.client
  if (client === undefined) return
  past.moves += client.stats.moves
  past.lost += client.stats.missing
  past.reconnects += client.stats.reconnects
  client.close()
}

function step(): void {
  for (let i = 0; i < perStep && clients.length < wanted; i++) add()
  for (let i = 0; i < perStep && clients.length > wanted; i++) remove()
}

let turn = 0
let due = 0
function sendMessages(): void {
  for (due += (clients.length * stepMs) / sendEveryMs; due >= 1; due--) {
    const { client, room } = clients[turn++ % clients.length] ?? {}
    if (client?.state.word !== 'open' || client.stats.unanswered > maxUnanswered) continue
    if (Math.random() < broadcastShare) client.broadcast(room, { text: 'hello, room' })
    else client.send({ text: 'hello' })
  }
}

let reportedAt = performance.now()
function report(): void {
  const sorted = roundTrips.sort((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
  const sum = (of: (client: Client) => number, before: number) => clients.reduce((total, { client }) => total + of(client), before)
  const now = performance.now()
  const message: LoadReport = {
    wanted,
    open: clients.filter(({ client: { state } }) => state.word === 'open' || state.word === 'leaving').length,
    answeredPerSecond: (answered * 1000) / (now - reportedAt),
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    moves: sum(({ stats }) => stats.moves, past.moves),
    afresh,
    lost: sum(({ stats }) => stats.missing, past.lost),
    reconnects: sum(({ stats }) => stats.reconnects, past.reconnects),
  }
  reportedAt = now
  answered = 0
  roundTrips = []
  if (process.connected) process.send?.(message)
}

process.on('message', ({ sockets }: LoadRequest) => {
  wanted = sockets
})
// The `disconnect` event also occurs if the parent process is killed.
process.on('disconnect', () => process.exit(0))
setInterval(step, stepMs)
setInterval(sendMessages, stepMs)
setInterval(report, reportMs)
