/**
 * Sends a hundred thousand random frames from two kinds of clients. Clients of the first kind send valid frames with arbitrary content, and
 * the replica's counters must account for all of these frames. Clients of the second kind send random bytes, which may not even form a
 * frame. To repeat a run, set the FUZZ_SEED environment variable to that run's seed.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { clientMessageTypes, type ErrorCode } from '@lab/contract/messages.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { createRandom, type Random } from '@lab/contract/random.ts'
import { afterEach, expect, onTestFailed, test } from 'vitest'
import { bystander } from './bystander.ts'
import { eventually, type TestReplica, testReplica } from './harness.ts'
import { frame, opcodes, RawPeer } from './raw.ts'

const seed = Number(process.env.FUZZ_SEED ?? (Date.now() % 2 ** 31) + 1)
const framesPerRound = 25_000
const socketsPerRound = 25
const heapGrowthMostBytes = 20 * 1024 * 1024

/** The error codes that the replica sends in response to an invalid frame; all other error codes are responses to a valid message. */
const notUnderstood: ErrorCode[] = ['invalid_json', 'invalid_message', 'unknown_type', 'binary_not_supported']

const unexpected: unknown[] = []
const note = (error: unknown) => void unexpected.push(error)
process.on('uncaughtExceptionMonitor', note)
afterEach(() => void process.off('uncaughtExceptionMonitor', note))

test(`100,000 random frames leak no socket, no memory and no message (seed ${seed})`, async () => {
  onTestFailed(() => console.error(`repeat with FUZZ_SEED=${seed}`))
  const random = createRandom(seed, 0)
  const replica = await testReplica({
    MAX_MESSAGES_PER_SECOND: 1_000_000,
    CLOSE_TIMEOUT: 200,
    MAX_HELD_SESSIONS: 50,
    HEARTBEAT_INTERVAL: 500,
  })

  const heaps: number[] = []
  for (let round = 0; round < 2; round++) {
    await tidyRound(replica, random)
    await wildRound(replica, random)
    heaps.push(heapAfterCollection())
  }
  expect((heaps[1] ?? 0) - (heaps[0] ?? 0)).toBeLessThan(heapGrowthMostBytes)
  expect(await replica.metric(metrics.sessionsHeld.name)).toBeLessThanOrEqual(50)
  expect(replica.logged.filter(({ level }) => level === 'error')).toEqual([])
  expect(unexpected).toEqual([])
}, 60_000)

/**
 * Sends valid frames with arbitrary content, and checks that the counts of received and refused frames add up to the number of frames sent.
 */
async function tidyRound(replica: TestReplica, random: Random): Promise<void> {
  const before = await accounted(replica)
  const quiet = await replica.connect()
  const other = bystander(quiet)
  const peers = await Promise.all(Array.from({ length: socketsPerRound }, () => RawPeer.upgraded(replica.port)))
  for (const peer of peers) forget(peer)
  for (let sent = 0; sent < framesPerRound; ) {
    for (const peer of peers) {
      const burst = Array.from({ length: 20 }, () => wellFormed(random))
      peer.socket.write(Buffer.concat(burst.flat()))
      sent += burst.length
    }
    await drained(peers)
  }
  await other.wasNotDisturbed()
  // The expected count includes the well-behaved client's echo messages and its one final message.
  const expected = framesPerRound + other.count() + 1
  await eventually(
    async () => (await accounted(replica)) - before,
    (seen) => seen === expected,
    `${expected} frames accounted for`,
  )
  expect(peers.filter(({ ended }) => ended)).toHaveLength(0)
  quiet.close()
  await endAll(replica, peers, random)
}

/** Sends arbitrary bytes, and replaces sockets that the replica closes. */
async function wildRound(replica: TestReplica, random: Random): Promise<void> {
  const dial = async () => {
    const peer = await RawPeer.upgraded(replica.port, `/ws/chat/wild-${random.int(1_000)}`)
    forget(peer)
    return peer
  }
  const quiet = await replica.connect()
  const other = bystander(quiet)
  let peers = await Promise.all(Array.from({ length: socketsPerRound }, dial))
  for (let sent = 0; sent < framesPerRound; ) {
    for (const peer of peers) {
      const burst = Array.from({ length: 20 }, () => (random.chance(1 / 30) ? wild(random) : Buffer.concat(wellFormed(random))))
      if (!peer.gone) peer.socket.write(Buffer.concat(burst))
      sent += burst.length
    }
    await drained(peers.filter(({ ended, gone }) => !ended && !gone))
    const over = peers.filter(({ ended, gone }) => ended || gone)
    for (const peer of over) peer.socket.destroy()
    peers = [...peers.filter((peer) => !over.includes(peer)), ...(await Promise.all(over.map(dial)))]
  }
  await other.wasNotDisturbed()
  quiet.close()
  await endAll(replica, peers, random)
}

function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.int(256)))
}

/** Returns the frames of one message, which may be fragmented with control frames in between. */
function wellFormed(random: Random): Buffer[] {
  const opcode = random.chance(1 / 20) ? opcodes.binary : opcodes.text
  const payload = opcode === opcodes.binary ? bytes(random, random.int(200)) : Buffer.from(content(random))
  const mask = bytes(random, 4)
  if (!random.chance(1 / 5)) return [frame(opcode, payload, { mask })]
  const cut = random.int(payload.length + 1)
  const between = random.chance(1 / 2) ? [frame(random.pick([opcodes.ping, opcodes.pong]), bytes(random, random.int(126)), { mask })] : []
  return [
    frame(opcode, payload.subarray(0, cut), { fin: false, mask }),
    ...between,
    frame(opcodes.continuation, payload.subarray(cut), { mask }),
  ]
}

/** Returns the text of a random frame, which ranges from a valid message to random characters. */
function content(random: Random): string {
  const message = JSON.stringify(likelyMessage(random))
  switch (random.int(6)) {
    case 0:
      return JSON.stringify(anyValue(random, 4))
    case 1: {
      const at = random.int(message.length)
      return message.slice(0, at) + String.fromCodePoint(random.int(0xd7ff)) + message.slice(at + random.int(4))
    }
    case 2:
      return message.slice(0, random.int(message.length))
    default:
      return message
  }
}

function likelyMessage(random: Random): Record<string, unknown> {
  const type = random.chance(1 / 10) ? random.pick(['goodbye', '__proto__', 'constructor', '', 'MESSAGE']) : random.pick(clientMessageTypes)
  const message: Record<string, unknown> = { type }
  const some = (name: string, value: unknown) => {
    if (!random.chance(1 / 4)) message[name] = random.chance(1 / 8) ? anyValue(random, 2) : value
  }
  some('id', random.int(1e6))
  if (type === 'message' || type === 'broadcast') some('data', anyValue(random, 3))
  // Only a few broadcasts go to the room that all sockets have joined, because each of them reaches every socket.
  if (type === 'join' || type === 'leave' || type === 'broadcast') some('room', `room-${random.int(200)}`)
  if (type === 'ack') some('seq', random.int(100))
  if (type === 'resume') Object.assign(message, { token: bytes(random, 20).toString('base64url'), lastSeq: random.int(10) })
  return message
}

function anyValue(random: Random, depth: number): unknown {
  const kind = random.int(depth > 0 ? 8 : 6)
  if (kind === 0) return null
  if (kind === 1) return random.chance(1 / 2)
  if (kind === 2) return random.pick([0, -1, 1e308, 2 ** 53, 0.1, -0])
  if (kind < 6) return bytes(random, random.int(40)).toString(random.pick(['latin1', 'utf8', 'base64']))
  const values = Array.from({ length: random.int(5) }, () => anyValue(random, depth - 1))
  return kind === 6 ? values : Object.fromEntries(values.map((value) => [random.pick(['a', '', '__proto__', 'type', 'id']), value]))
}

/** Returns bytes that may or may not form a frame. */
function wild(random: Random): Buffer {
  const payload = bytes(random, random.int(300))
  switch (random.int(5)) {
    case 0:
      return payload
    case 1:
      return frame(random.int(16), payload, { fin: random.chance(1 / 2), rsv: random.int(8), mask: bytes(random, 4) })
    case 2:
      return frame(opcodes.text, payload, { mask: random.chance(1 / 2) ? null : bytes(random, 4) })
    case 3:
      return frame(opcodes.close, payload.subarray(0, 125))
    default:
      return frame(opcodes.text, payload, { claimedLength: random.int(2 ** 31) })
  }
}

/** Returns the number of frames that the replica's counters report. */
async function accounted(replica: TestReplica): Promise<number> {
  const errors = await Promise.all(notUnderstood.map((cause) => replica.metric(metrics.errors.name, { cause })))
  return errors.reduce((sum, count) => sum + count, await replica.metric(metrics.messagesReceived.name))
}

/** Reads and discards all data that a test client receives. */
function forget(peer: RawPeer): void {
  peer.socket.removeAllListeners('data')
  peer.received = Buffer.alloc(0)
  peer.socket.resume()
}

/** Waits until all bytes written to the given clients' sockets have been sent. */
async function drained(peers: RawPeer[]): Promise<void> {
  await eventually(
    () => peers.every(({ socket, ended }) => ended || socket.destroyed || socket.writableLength === 0),
    (all) => all,
    'everything is sent',
  )
}

/** Closes sockets in different ways, and waits until the replica has closed all of them. */
async function endAll(replica: TestReplica, peers: RawPeer[], random: Random): Promise<void> {
  for (const { socket } of peers) random.pick([() => socket.destroy(), () => socket.resetAndDestroy(), () => socket.end()])()
  await eventually(
    () => replica.hub.size,
    (size) => size === 0,
    'no socket is left',
  )
  for (const { socket } of peers) socket.destroy()
  const opened = await replica.metric(metrics.connectionsOpened.name)
  expect(await replica.metric(metrics.connectionsClosed.name)).toBe(opened)
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
