// A client of the lab: one connection that comes back by itself and misses nothing.
// The service puts the names of the contract in place of the next line's braces.
const contract = {}

const maxBackoffMs = 30_000
const maxLogLines = 200
/** Acknowledge at the latest after this many messages, so that the service need not keep them. */
const ackEvery = 20

const byId = (id) => document.getElementById(id)
const show = (id, text) => {
  byId(id).textContent = text
}

let socket = null
let wanted = true
let token = null
let lastSeq = 0
let replica = null
let openedAt = 0
let attempt = 0
let lastHeard = 0
let heartbeatMs = 30_000
let reconnectTimer
let paused = false
let nextId = 1
const counts = { sent: 0, received: 0, reconnects: 0, resumed: 0, gaps: 0 }
/** While a resume is under way, numbered messages belong to the session that is about to be replaced. */
let resuming = false

function setState(state, text) {
  byId('state').dataset.state = state
  show('state-text', text)
}

function log(direction, text) {
  if (paused) return
  const line = document.createElement('div')
  line.textContent = `${new Date().toLocaleTimeString()} ${direction} ${text}`
  const list = byId('log')
  list.prepend(line)
  while (list.children.length > maxLogLines) list.lastChild.remove()
}

function showCounts() {
  show('counts', `${counts.sent} / ${counts.received}`)
  show('reconnects', `${counts.reconnects} / ${counts.resumed}`)
  show('gaps', String(counts.gaps))
}

function connect() {
  clearTimeout(reconnectTimer)
  wanted = true
  setState('connecting', 'connecting')
  const opening = new WebSocket(`${location.origin.replace('http', 'ws')}${contract.wsPath}`)
  socket = opening
  opening.onmessage = ({ data }) => receive(opening, data)
  opening.onclose = ({ code, reason }) => closed(opening, code, reason)
}

function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) {
    log('!', 'not connected')
    return
  }
  const text = JSON.stringify(message)
  socket.send(text)
  counts.sent++
  showCounts()
  log('→', text)
}

function receive(from, data) {
  if (from !== socket) return
  lastHeard = performance.now()
  counts.received++
  log('←', data)
  const message = JSON.parse(data)
  if (message.seq !== undefined && !resuming) numbered(message)
  handlers[message.type]?.(message)
  showCounts()
}

function numbered({ seq, clientTime }) {
  if (seq !== lastSeq + 1) counts.gaps += Math.max(0, seq - lastSeq - 1)
  lastSeq = seq
  if (clientTime !== undefined) show('rtt', `${Math.max(0, Date.now() - clientTime)} ms`)
  if (seq % ackEvery === 0) socket.send(JSON.stringify({ type: 'ack', seq }))
}

const handlers = {
  connection_established(message) {
    openedAt = performance.now()
    heartbeatMs = message.heartbeatIntervalMs
    attempt = 0
    if (replica !== null && replica !== message.replica) show('moved', replica)
    replica = message.replica
    show('replica', replica)
    show('connection', message.connectionId)
    setState('open', 'open')
    if (token === null) adopt(message.resumeToken)
    else {
      resuming = true
      socket.send(JSON.stringify({ type: 'resume', token, lastSeq }))
      token = message.resumeToken
    }
  },
  resumed(message) {
    resuming = false
    token = message.resumeToken
    counts.resumed++
    show('connection', message.connectionId)
  },
  resume_gap({ from, to }) {
    counts.gaps += to - from + 1
    lastSeq = to
  },
  error({ code }) {
    // The session is gone: the fresh one, whose token we hold already, counts from the start.
    if (resuming && code.startsWith('resume_')) adopt(token)
  },
  goodbye({ comeBackInMs, reason, resumeToken }) {
    token = resumeToken
    setState('leaving', `${reason}; moving in ${(comeBackInMs / 1000).toFixed(1)} s`)
    const leaving = socket
    reconnectTimer = setTimeout(() => {
      counts.reconnects++
      connect()
      leaving.close(contract.movingOn)
    }, comeBackInMs)
  },
}

function adopt(newToken) {
  resuming = false
  token = newToken
  lastSeq = 0
}

function closed(which, code, reason) {
  if (which !== socket) return
  socket = null
  log('!', `closed: ${code} ${reason}`)
  const known = contract.closeCodes.find((entry) => entry.code === code)
  if (!wanted || known?.comeBack === false) {
    setState('closed', `closed (${code} ${reason || known?.reason || ''})`)
    return
  }
  // Full jitter: a crowd that lost the same replica must not come back in step.
  const waitMs = Math.random() * Math.min(maxBackoffMs, 500 * 2 ** attempt++)
  setState('waiting', `reconnecting in ${(waitMs / 1000).toFixed(1)} s`)
  counts.reconnects++
  reconnectTimer = setTimeout(connect, waitMs)
}

/** A link can die without a word; when even heartbeats stop coming, it has. */
function watch() {
  if (socket === null) return
  show('age', openedAt === 0 ? '–' : `${Math.floor((performance.now() - openedAt) / 1000)} s`)
  if (socket.readyState === WebSocket.OPEN && lastHeard > 0 && performance.now() - lastHeard > 2 * heartbeatMs) {
    const dead = socket
    log('!', `nothing heard for ${2 * heartbeatMs} ms`)
    closed(dead, 1006, 'half-open')
    dead.close()
  }
}

const room = () => byId('room').value
byId('send-form').addEventListener('submit', (event) => {
  event.preventDefault()
  send({ type: 'message', id: nextId++, time: Date.now(), data: byId('text').value })
})
const clicks = {
  connect: () => socket === null && connect(),
  drop: () => socket?.close(contract.movingOn),
  'leave-lab': () => {
    wanted = false
    token = null
    clearTimeout(reconnectTimer)
    socket?.close(1000)
  },
  join: () => send({ type: 'join', id: nextId++, room: room() }),
  leave: () => send({ type: 'leave', id: nextId++, room: room() }),
  broadcast: () => send({ type: 'broadcast', id: nextId++, time: Date.now(), room: room(), data: byId('text').value }),
  pause: () => {
    paused = !paused
    byId('pause').setAttribute('aria-pressed', String(paused))
    show('pause', paused ? 'Go on' : 'Pause')
  },
  clear: () => byId('log').replaceChildren(),
}
for (const [id, click] of Object.entries(clicks)) byId(id).addEventListener('click', click)
setInterval(watch, 1000)
setInterval(() => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ type: 'heartbeat' })), 60_000)
connect()
