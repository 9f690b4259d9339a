/**
 * A slot of the load curve for Artillery: one visit after another, each with a new socket, while the curve is above the slot's number.
 * Variables: TARGET, such as ws://localhost:8000, SCENARIO, SHORT=1, SOCKETS and DURATION (seconds). The number of virtual users in
 * load.yaml must equal SOCKETS.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const { path, types, visits, scenarios } = JSON.parse(readFileSync(new URL('../numbers.json', import.meta.url), 'utf8'))
const { TARGET = 'ws://localhost:8000', SCENARIO = 'default', SHORT, SOCKETS, DURATION } = process.env
const scenario = scenarios[SCENARIO]
if (scenario === undefined) throw new Error(`SCENARIO is "${SCENARIO}"; allowed: ${Object.keys(scenarios).join(', ')}`)
const stages = SHORT === '1' ? scenario.short : scenario.stages
const sockets = Number(SOCKETS ?? scenario.sockets)
const length = stages.reduce((sum, { seconds }) => sum + seconds, 0)
const stretchMs = (1000 * Number(DURATION ?? length)) / length
const { rooms } = scenario
const answerTimeoutMs = 5_000
const shortestStayMs = 1_000

const startedAtMs = Date.now()
const runId = `artillery-${startedAtMs.toString(36)}`
let slots = 0

const chosen = ([from, to]) => from + Math.random() * (to - from)

/** Returns the periods in which the load curve is above a slot's number, in milliseconds since the start. */
function periodsOf(index) {
  const periods = []
  let [atMs, level, openAtMs] = [0, 0, undefined]
  for (const { seconds, share } of stages) {
    const crossingMs = atMs + ((index + 0.5 - level) / (share * sockets - level)) * seconds * stretchMs
    if (openAtMs === undefined && share * sockets > index + 0.5) openAtMs = crossingMs
    else if (openAtMs !== undefined && share * sockets < index + 0.5) {
      periods.push([openAtMs, crossingMs])
      openAtMs = undefined
    }
    atMs += seconds * stretchMs
    level = share * sockets
  }
  return openAtMs === undefined ? periods : [...periods, [openAtMs, atMs]]
}

/** The function that each of Artillery's virtual users runs. */
export async function slot(_context, events) {
  const index = slots++
  const room = index % rooms.every === 0 ? `${runId}-${Math.floor(index / (rooms.every * rooms.members))}` : undefined
  let number = 0
  for (const [openAtMs, closeAtMs] of periodsOf(index)) {
    await sleep(Math.max(0, startedAtMs + openAtMs - Date.now()))
    for (;;) {
      const leftMs = startedAtMs + closeAtMs - Date.now()
      if (leftMs < shortestStayMs) break
      await visit(`${runId}-${index}-${++number}`, room, Math.min(leftMs, chosen(visits.stayMs)), events)
      await sleep(chosen(visits.pauseMs))
    }
  }
}

async function visit(id, room, stayMs, events) {
  const waiting = new Map()
  let [joined, sent, leaving] = [false, 0, false]
  const socket = new WebSocket(TARGET + path.replace(':connectionId', id))
  const ended = new Promise((resolve) => {
    socket.addEventListener('close', resolve)
  })
  const say = (message) => {
    const messageId = `${id}-${++sent}`
    waiting.set(messageId, performance.now())
    socket.send(JSON.stringify({ ...message, id: messageId }))
    events.emit('counter', 'lab.messages_sent', 1)
  }
  const sendNext = () => {
    if (leaving || socket.readyState !== WebSocket.OPEN) return
    const data = 'x'.repeat(chosen(visits.messageCharacters))
    say(joined && Math.random() < rooms.share ? { type: types.broadcast, room, data } : { type: types.message, data })
    setTimeout(sendNext, chosen(visits.betweenMessagesMs))
  }
  socket.addEventListener('open', () => {
    events.emit('counter', 'lab.sockets_opened', 1)
    if (room !== undefined) say({ type: types.join, room })
    setTimeout(sendNext, chosen(visits.firstMessageMs))
  })
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(data)
    const sentAtMs = waiting.get(frame.id)
    // A response with `stored: false` is followed by another one when the room message is stored.
    if (sentAtMs === undefined || frame.stored === false) return
    if (![types.response, types.joined, types.error].includes(frame.type)) return
    waiting.delete(frame.id)
    joined ||= frame.type === types.joined
    if (frame.type === types.error) {
      events.emit('counter', 'lab.errors', 1)
      return
    }
    events.emit('counter', 'lab.messages_answered', 1)
    events.emit('histogram', 'lab.message_rtt', performance.now() - sentAtMs)
  })
  await Promise.race([sleep(stayMs), ended])
  leaving = true
  const patienceEndsAtMs = performance.now() + answerTimeoutMs
  while (waiting.size > 0 && socket.readyState === WebSocket.OPEN && performance.now() < patienceEndsAtMs) await sleep(50)
  const lost = waiting.size + (socket.readyState === WebSocket.OPEN ? 0 : 1)
  if (lost > 0) events.emit('counter', 'lab.errors', lost)
  socket.close()
  await Promise.race([ended, sleep(answerTimeoutMs)])
}
