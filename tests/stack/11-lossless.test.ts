/**
 * Tests replicas that start without Valkey, and a Valkey that comes back with older data: clients receive all stored messages, and a gap
 * message in place of lost ones.
 */
import { until } from '@lab/host/until.ts'
import { testReplica } from '@lab/ws/test/harness.ts'
import { sessionRecord } from '@lab/ws/test/suites/session-store-suite.ts'
import { describe, expect, test } from 'vitest'
import { backUp, empty, logUser, openRelay, replica, useValkey } from './lib/stores.ts'

const valkey = useValkey()
const soon = { withinMs: 15_000, everyMs: 20 }
const RESUME_SECRET = 'a secret of the tests'

const replicaOn = (port: number) => testReplica({ VALKEY_URL: `valkey://127.0.0.1:${port}`, RESUME_SECRET })
type TestReplica = Awaited<ReturnType<typeof replicaOn>>
type TestSocket = Awaited<ReturnType<TestReplica['connect']>>

/** Connects a client and joins the room `tea`. @returns the socket, the resume token and the room's current sequence number */
async function member(replica: TestReplica, id: string): Promise<{ socket: TestSocket; token: string; seq: number }> {
  const socket = await replica.connect({ id })
  const { resumeToken: token } = await socket.next('connection_established')
  const { seq } = await socket.ask({ type: 'join', room: 'tea' }, 'room_joined')
  return { socket, token, seq }
}

async function broadcast(socket: TestSocket, ...texts: string[]): Promise<number[]> {
  const seqs: number[] = []
  for (const data of texts) {
    const { seq, stored } = await socket.ask({ type: 'broadcast', room: 'tea', id: data, data }, 'message_response')
    expect(stored).toBe(true)
    seqs.push(seq ?? Number.NaN)
  }
  return seqs
}

describe('a replica that starts while Valkey is unreachable', () => {
  test('sends members all messages after their position once it reaches Valkey, and reports no gap', async () => {
    await empty()
    const first = await replicaOn(valkey().port)
    const [bob, ann] = [await member(first, 'bob'), await member(first, 'ann')]
    const [seq = 0] = await broadcast(bob.socket, '1')
    expect((await ann.socket.next('room_message')).data).toBe('1')
    ann.socket.raw.terminate()
    await broadcast(bob.socket, '2', '3', '4')
    const relay = await openRelay()
    relay.cut()
    const second = await replicaOn(relay.port)
    const back = await second.connect()
    const fresh = await second.connect()
    const gaps: string[] = []
    for (const { raw } of [back, fresh]) raw.on('message', (data) => data.toString().includes('resume_gap') && gaps.push(data.toString()))
    expect((await back.next('connection_established')).seq).toBe(0)
    expect((await back.ask({ type: 'resume', token: ann.token, lastSeq: seq }, 'error')).code).toBe('resume_unavailable')
    expect(await back.ask({ type: 'join', room: 'tea', since: seq }, 'room_joined')).toMatchObject({ seq, history: 0 })
    relay.restore()
    for (const data of ['2', '3', '4']) expect((await back.next('room_message')).data).toBe(data)
    await broadcast(bob.socket, '5')
    expect((await back.next('room_message')).data).toBe('5')
    expect(gaps).toEqual([])
  })
})

test('a message is stored once although its sender moves during two outages', async () => {
  await empty()
  const first = await (await replicaOn(valkey().port)).connect()
  let { resumeToken: token } = await first.next('connection_established')
  first.raw.terminate()
  const seqs: (number | undefined)[] = []
  for (const _outage of [1, 2]) {
    const relay = await openRelay()
    relay.cut()
    const replica = await replicaOn(relay.port)
    const socket = await replica.connect()
    const refused = await socket.ask({ type: 'resume', token }, 'error')
    expect(refused.code).toBe('resume_unavailable')
    token = refused.resumeToken ?? ''
    relay.restore()
    await until('Valkey is reached', async () => (await replica.metric('websocket_dependency_up', { dependency: 'rooms' })) === 1, soon)
    const answer = await socket.ask({ type: 'broadcast', id: 'once', data: 'once' }, 'message_response')
    seqs.push(answer.seq)
    socket.raw.terminate()
  }
  expect(seqs[0]).toBeGreaterThan(0)
  expect(seqs[1]).toBe(seqs[0])
})

describe('when Valkey returns with older data', () => {
  test('all replicas detect it without a message, and later positions are higher', async () => {
    await empty()
    const relay = await openRelay()
    const [a, b] = [await logUser('a'), await logUser('b', {}, relay.port)]
    a.publish('tea', 'before')
    await until('the message arrives', () => a.messages.length === 1 && b.messages.length === 1, soon)
    const rollBack = await backUp()
    relay.cut()
    a.publish('tea', 'lost')
    await until('the message arrives', () => a.messages.length === 2, soon)
    a.lost.length = b.lost.length = 0
    await rollBack()
    relay.restore()
    const [before, lost] = a.messages.map(({ seq }) => seq)
    await until('both replicas have detected it', () => a.wentBackTo.length === 1 && b.wentBackTo.length === 1, soon)
    expect([a.wentBackTo, b.wentBackTo]).toEqual([[before], [before]])
    for (const user of [a, b]) expect(user.lost[0]).toBeGreaterThanOrEqual(lost ?? 0)
    b.publish('tea', 'after')
    await until('the message arrives', () => a.texts.includes('after') && b.texts.includes('after'), soon)
    expect(a.texts).toEqual(['before', 'lost', 'after'])
    expect(b.texts).toEqual(['before', 'after'])
    expect(a.messages.at(-1)?.seq).toBeGreaterThan(a.lost[0] ?? Number.NaN)
  })

  test('a replica that has not read the lost messages is notified by one that has', async () => {
    await empty()
    const relays = [await openRelay(), await openRelay()] as const
    const [a, b] = [await logUser('a', {}, relays[0].port), await logUser('b', {}, relays[1].port)]
    a.publish('tea', 'before')
    await until('the message arrives', () => a.messages.length === 1 && b.messages.length === 1, soon)
    const rollBack = await backUp()
    relays[1].cut()
    a.publish('tea', 'lost')
    await until('the message arrives', () => a.messages.length === 2, soon)
    relays[0].cut()
    a.lost.length = b.lost.length = 0
    await rollBack()
    relays[1].restore()
    await until('b is connected', () => b.log.healthy(), soon)
    b.publish('tea', 'after')
    await until('the message arrives', () => b.texts.includes('after'), soon)
    relays[0].restore()
    await until('both replicas have the message', () => a.texts.includes('after') && b.wentBackTo.length > 0, soon)
    const [before = 0, lost = 0] = a.messages.map(({ seq }) => seq)
    expect([a.wentBackTo, b.wentBackTo]).toEqual([[before], [before]])
    for (const user of [a, b]) expect(user.lost.some((seq) => seq >= lost)).toBe(true)
    // A message that is sent again is not stored a second time if the replica has already read it from the room log.
    expect(a.publish('tea', 'lost')).toEqual([{ result: 'duplicate', seq: lost }])
  })

  test('and all replicas have restarted, a client with a later position gets a gap', async () => {
    await empty()
    const first = await replicaOn(valkey().port)
    const [bob, ann] = [await member(first, 'bob'), await member(first, 'ann')]
    const [before = 0] = await broadcast(bob.socket, 'before')
    const rollBack = await backUp()
    const [had = 0, lost = 0] = await broadcast(bob.socket, 'had', 'lost')
    for (const { socket } of [bob, ann]) socket.raw.terminate()
    await first.drain()
    await rollBack()
    const second = await replicaOn(valkey().port)
    const back = await member(second, 'ann')
    await back.socket.ask({ type: 'join', room: 'tea', since: had }, 'room_joined')
    const gap = await back.socket.next('resume_gap')
    expect(gap.from).toBeGreaterThan(before)
    expect(gap.from).toBeLessThanOrEqual(had + 1)
    expect(gap.to).toBeGreaterThanOrEqual(lost)
    await broadcast((await member(second, 'bob')).socket, 'after')
    expect((await back.socket.next('room_message')).data).toBe('after')
    // Once the room has new messages, the room log contains messages before and after the sequence number at which the client resumes.
    const late = await second.connect()
    await late.ask({ type: 'join', room: 'tea', since: had }, 'room_joined')
    expect(await late.next('resume_gap')).toMatchObject({ room: 'tea', from: had + 1 })
    expect((await late.next('room_message')).data).toBe('after')
  })

  test('and an older owner of a session, the session stays with its current owner', async () => {
    await empty()
    const [a, b] = [await replica('a'), await replica('b')]
    const session = sessionRecord('moved')
    await a.sessions.save(session)
    const rollBack = await backUp()
    const taken: string[] = []
    b.sessions.onTaken((id) => void taken.push(id))
    expect(await b.sessions.take(session.id, 0)).toEqual(session)
    expect(await b.sessions.save(session)).toBe(true)
    await rollBack()
    expect(await b.sessions.save({ ...session, ackedSeq: 9 })).toBe(true)
    expect(await a.sessions.save(session)).toBe(false)
    expect(taken).toEqual([])
    expect(await (await replica('c')).sessions.take(session.id, 0)).toEqual({ ...session, ackedSeq: 9 })
  })

  test('and is emptied while a replica cannot read it, this replica reports a gap', async () => {
    await empty()
    const relay = await openRelay()
    const [a, b] = [await logUser('a'), await logUser('b', {}, relay.port)]
    a.publish('tea', 'before')
    await until('the message arrives', () => a.messages.length === 1 && b.messages.length === 1, soon)
    relay.cut()
    a.publish('tea', 'lost')
    await until('the message arrives', () => a.messages.length === 2, soon)
    b.lost.length = 0
    await empty()
    relay.restore()
    await until('b has detected it', () => b.lost.length > 0, soon)
    expect(b.lost[0]).toBeGreaterThanOrEqual(a.messages.at(-1)?.seq ?? 0)
  })
})
