/** The load driver: as many clients as the lab asks for, each sending a message every few seconds. Ends with its parent. */
import { createClient } from '../../client/src/client.ts'
import type { Client } from '../../client/src/types.ts'
import type { LoadReport, LoadWish } from './load-messages.ts'

const url = process.argv[2] ?? ''
/** Sockets opened or closed per step, so that a large change does not come all at once. */
const perStep = 25
const stepMs = 50
const reportMs = 500
/** Each client speaks this often. */
const speakEveryMs = 2_000
/** Clients share rooms of this size, and this share of what they say goes to the room. */
const roomSize = 10
const broadcastShare = 0.1
/** A client that waits for this many answers says nothing more. */
const maxUnanswered = 10

interface Speaker {
  client: Client
  room: string
}

const speakers: Speaker[] = []
let wanted = 0
let answered = 0
let roundTrips: number[] = []
let afresh = 0
/** Of clients that have been closed. */
const past = { moves: 0, lost: 0, reconnects: 0 }

function add(): void {
  const room = `load-${Math.floor(speakers.length / roomSize)}`
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
  speakers.push({ client, room })
}

function remove(): void {
  const client = speakers.pop()?.client
  if (client === undefined) return
  past.moves += client.stats.moves
  past.lost += client.stats.missing
  past.reconnects += client.stats.reconnects
  client.close()
}

function step(): void {
  for (let i = 0; i < perStep && speakers.length < wanted; i++) add()
  for (let i = 0; i < perStep && speakers.length > wanted; i++) remove()
}

let turn = 0
let due = 0
function speak(): void {
  for (due += (speakers.length * stepMs) / speakEveryMs; due >= 1; due--) {
    const { client, room } = speakers[turn++ % speakers.length] ?? {}
    if (client?.state.word !== 'open' || client.stats.unanswered > maxUnanswered) continue
    if (Math.random() < broadcastShare) client.broadcast(room, { text: 'hello, room' })
    else client.send({ text: 'hello' })
  }
}

let reportedAt = performance.now()
function report(): void {
  const sorted = roundTrips.sort((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
  const sum = (of: (client: Client) => number, before: number) => speakers.reduce((total, { client }) => total + of(client), before)
  const now = performance.now()
  const message: LoadReport = {
    wanted,
    open: speakers.filter(({ client: { state } }) => state.word === 'open' || state.word === 'leaving').length,
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

process.on('message', ({ sockets }: LoadWish) => {
  wanted = sockets
})
// Also when the parent was killed.
process.on('disconnect', () => process.exit(0))
setInterval(step, stepMs)
setInterval(speak, stepMs)
setInterval(report, reportMs)
