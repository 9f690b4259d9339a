/**
 * The benchmarks' baseline: a plain `ws` server without a framework. The baseline server exchanges the same messages as the service,
 * including replica names, timestamps, sequence numbers and offsets. Like the service, the baseline has rooms, Prometheus metrics, and a
 * heartbeat that checks all connections in one loop. The baseline server has no limits, resume, drain, logs or schema validation, so the
 * difference between its results and the service's is the cost of these features.
 */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'

const replica = 'baseline'
const heartbeatIntervalMs = Number(process.env.HEARTBEAT_INTERVAL ?? 30_000)
const port = Number(process.env.PORT)
const host = process.env.HOST ?? '127.0.0.1'

const registers = [new Registry()]
const active = new Gauge({ name: 'active', help: 'Connections open.', registers })
const received = new Counter({ name: 'received_total', help: 'Messages received.', registers })
const sent = new Counter({ name: 'sent_total', help: 'Messages sent.', registers })
const errors = new Counter({ name: 'errors_total', help: 'Errors.', registers })
const latency = new Histogram({ name: 'latency_seconds', help: 'From send time to answer.', registers, buckets: [0.001, 0.01, 0.1, 1, 10] })

interface Peer {
  socket: WebSocket
  id: string
  alive: boolean
  rooms: Set<string>
}

const peers = new Set<Peer>()
const rooms = new Map<string, Set<Peer>>()
/** Sequence number of the last room message, which is also the number of room messages sent so far. */
let seq = 0

interface Message extends Record<string, unknown> {
  type: ServerMessageType
}

function send(peer: Peer, message: Message): void {
  sent.inc()
  peer.socket.send(JSON.stringify(message))
}

function broadcast(from: Peer, members: Set<Peer>, message: Record<string, unknown>): void {
  const time = Date.now()
  const { room, id, time: clientTime, data } = message
  seq++
  const text = JSON.stringify({
    type: 'room_message',
    replica,
    time,
    room,
    from: from.id,
    id,
    clientTime,
    data,
    seq,
    offset: seq,
  } satisfies Message)
  for (const peer of members) {
    sent.inc()
    peer.socket.send(text)
  }
  send(from, { type: 'message_response', replica, time, id, clientTime, stored: true, seq })
}

function handle(peer: Peer, raw: RawData, isBinary: boolean): void {
  let message: Record<string, unknown>
  try {
    if (isBinary) throw new TypeError('binary frame')
    message = JSON.parse(raw.toString())
  } catch {
    errors.inc()
    send(peer, { type: 'error', replica, time: Date.now(), code: 'invalid_json', message: 'not JSON' })
    return
  }
  received.inc()
  const time = Date.now()
  const { type, id, time: clientTime, room } = message
  if (typeof clientTime === 'number') latency.observe((time - clientTime) / 1000)
  if (type === 'message') {
    send(peer, { type: 'message_response', replica, time, id, clientTime, data: message.data })
  } else if (type === 'join' && typeof room === 'string') {
    const members = rooms.get(room) ?? new Set()
    rooms.set(room, members.add(peer))
    peer.rooms.add(room)
    send(peer, { type: 'room_joined', replica, time, id, room, members: members.size })
  } else if (type === 'broadcast' && typeof room === 'string' && peer.rooms.has(room)) {
    broadcast(peer, rooms.get(room) ?? new Set(), message)
  } else {
    errors.inc()
    send(peer, { type: 'error', replica, time, id, code: 'invalid_message', message: 'not understood' })
  }
}

function leave(peer: Peer): void {
  active.dec()
  peers.delete(peer)
  for (const name of peer.rooms) {
    const members = rooms.get(name)
    members?.delete(peer)
    if (members?.size === 0) rooms.delete(name)
  }
}

/**
 * Registers a new connection. This code is not part of the upgrade handler, because a closure there would retain the upgrade request in
 * memory.
 */
function accept(socket: WebSocket, id: string): void {
  const peer: Peer = { socket, id, alive: true, rooms: new Set() }
  peers.add(peer)
  active.inc()
  socket.on('message', (raw, isBinary) => handle(peer, raw, isBinary))
  socket.on('pong', () => {
    peer.alive = true
  })
  socket.on('error', () => errors.inc())
  socket.on('close', () => leave(peer))
  send(peer, {
    type: 'connection_established',
    replica,
    time: Date.now(),
    connectionId: id,
    heartbeatIntervalMs,
    connectionTimeoutMs: 300_000,
    resumeToken: randomUUID(),
    limits: { maxFrameBytes: 65_536, messagesPerSecond: 1e6, maxRooms: 100, sendBufferBytes: 1_048_576 },
  })
}

const server = createServer((_request, response) => response.writeHead(404).end())
const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 65_536 })
sockets.on('connection', (socket, request) => accept(socket, request.url?.split('/').at(-1) ?? ''))

setInterval(() => {
  for (const peer of peers) {
    if (!peer.alive) {
      peer.socket.terminate()
      continue
    }
    peer.alive = false
    peer.socket.ping()
  }
}, heartbeatIntervalMs)

server.listen(port, host)
