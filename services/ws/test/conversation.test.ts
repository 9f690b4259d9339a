/** What clients and the service say to each other, over a real socket. */
import { createSecretKey } from 'node:crypto'
import { closeCodes } from '@lab/contract/close-codes.ts'
import { replicaHeader, requestIdHeader } from '@lab/contract/endpoints.ts'
import { everyoneRoom } from '@lab/contract/messages.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
import { serverMessages } from '../src/protocol.ts'
import { signToken } from '../src/resume-token.ts'
import { type TestReplica, testReplica, until } from './harness.ts'

describe('opening', () => {
  test('the upgrade names the replica and the request, and the first message says what holds', async () => {
    const replica = await testReplica({ HEARTBEAT_INTERVAL: 12_345 })
    const socket = await replica.connect({ id: 'ann', headers: { [requestIdHeader]: 'req-1' } })
    expect(socket.headers).toMatchObject({ [replicaHeader]: 'ws-test', [requestIdHeader]: 'req-1' })
    const hello = await socket.next('connection_established')
    expect(hello).toMatchObject({ connectionId: 'ann', replica: 'ws-test', heartbeatIntervalMs: 12_345, limits: { maxFrameBytes: 65_536 } })
    expect(serverMessages.connection_established.parse(hello)).toEqual(hello)
  })

  test('without an id one is assigned, a different one each time', async () => {
    const replica = await testReplica()
    const ids = new Set<string>()
    for (let i = 0; i < 3; i++) ids.add((await (await replica.connect()).next('connection_established')).connectionId)
    expect(ids.size).toBe(3)
  })
})

describe('messages', () => {
  test('a message is answered with its id, time and data, numbered within the session', async () => {
    const socket = await (await testReplica()).connect()
    const data = { text: 'hällo', list: [1, null, true] }
    const first = await socket.ask({ type: 'message', id: 'm-1', time: 1_000, data }, 'message_response')
    expect(first).toMatchObject({ id: 'm-1', clientTime: 1_000, data, seq: 1, replica: 'ws-test' })
    expect(serverMessages.message_response.parse(first)).toEqual(first)
    expect((await socket.ask({ type: 'message', id: 7, data: null }, 'message_response')).seq).toBe(2)
  })

  test('a heartbeat is answered with a heartbeat', async () => {
    const socket = await (await testReplica()).connect()
    const beat = await socket.ask({ type: 'heartbeat', id: 1, time: 5 }, 'heartbeat')
    expect(beat).toMatchObject({ id: 1, clientTime: 5 })
    expect(serverMessages.heartbeat.parse(beat)).toEqual(beat)
  })

  test('a room message reaches every member, the sender too, in one order', async () => {
    const replica = await testReplica()
    const [ann, bob, eve] = [
      await replica.connect({ id: 'ann' }),
      await replica.connect({ id: 'bob' }),
      await replica.connect({ id: 'eve' }),
    ]
    expect((await ann.ask({ type: 'join', room: 'tea', id: 1 }, 'room_joined')).members).toBe(1)
    expect((await bob.ask({ type: 'join', room: 'tea' }, 'room_joined')).members).toBe(2)
    for (const data of ['one', 'two']) {
      expect((await ann.ask({ type: 'broadcast', room: 'tea', id: data, data }, 'message_response')).delivered).toBe(2)
    }
    for (const data of ['one', 'two']) expect(await bob.next('room_message')).toMatchObject({ room: 'tea', from: 'ann', data })
    eve.send({ type: 'broadcast', data: 'to all' })
    expect(await bob.next('room_message')).toMatchObject({ room: everyoneRoom, from: 'eve', data: 'to all', seq: 3 })
    expect((await bob.ask({ type: 'leave', room: 'tea' }, 'room_left')).members).toBe(1)
    expect((await ann.ask({ type: 'broadcast', room: 'tea', data: 'three' }, 'message_response')).delivered).toBe(1)
  })

  test('rooms are for members, and there is a limit to how many', async () => {
    const socket = await (await testReplica({ MAX_ROOMS_PER_CONNECTION: 2 })).connect()
    expect((await socket.ask({ type: 'broadcast', room: 'tea', id: 1, data: 1 }, 'error')).code).toBe('not_in_room')
    expect((await socket.ask({ type: 'leave', room: 'tea', id: 2 }, 'error')).code).toBe('not_in_room')
    for (const room of ['a', 'b', 'a']) await socket.ask({ type: 'join', room }, 'room_joined')
    const full = await socket.ask({ type: 'join', room: 'c', id: 3 }, 'error')
    expect(full).toMatchObject({ code: 'too_many_rooms', id: 3 })
    expect(full.message).toContain('2 rooms')
  })
})

describe('resuming', () => {
  /** Opens a session in a room, loses its connection without a goodbye, and returns its token. */
  async function lostSession(replica: TestReplica): Promise<string> {
    const lost = await replica.connect({ id: 'ann' })
    const { resumeToken } = await lost.next('connection_established')
    await lost.ask({ type: 'join', room: 'tea' }, 'room_joined')
    await lost.ask({ type: 'message', data: 'seen' }, 'message_response')
    lost.raw.terminate()
    await until(
      () => replica.metric(metrics.sessionsHeld.name),
      (held) => held === 1,
      'session held',
    )
    return resumeToken
  }

  async function talk(replica: TestReplica, count: number): Promise<void> {
    const bob = await replica.connect({ id: 'bob' })
    await bob.ask({ type: 'join', room: 'tea' }, 'room_joined')
    for (let i = 0; i < count; i++) await bob.ask({ type: 'broadcast', room: 'tea', data: i }, 'message_response')
  }

  test('what was missed is replayed in order, and rooms go on', async () => {
    const replica = await testReplica()
    const token = await lostSession(replica)
    await talk(replica, 3)
    const back = await replica.connect()
    const resumed = await back.ask({ type: 'resume', token, lastSeq: 1, id: 'r' }, 'resumed')
    expect(resumed).toMatchObject({ id: 'r', connectionId: 'ann', rooms: ['tea'], replayed: 3 })
    expect(serverMessages.resumed.parse(resumed)).toEqual(resumed)
    for (const [i, seq] of [2, 3, 4].entries()) expect(await back.next('room_message')).toMatchObject({ data: i, seq })
    expect((await back.ask({ type: 'message', data: 'on' }, 'message_response')).seq).toBe(5)
    expect(await replica.metric(metrics.messagesReplayed.name)).toBe(3)
    expect(await replica.metric(metrics.sessionsResumed.name, { result: 'resumed' })).toBe(1)
    expect(await replica.metric(metrics.sessionsHeld.name)).toBe(0)
  })

  test('what fell out of the buffer is said, never silent', async () => {
    const replica = await testReplica({ RESUME_BUFFER_MESSAGES: 2 })
    const token = await lostSession(replica)
    await talk(replica, 5)
    const back = await replica.connect()
    await back.ask({ type: 'resume', token, lastSeq: 1 }, 'resumed')
    expect(await back.next('resume_gap')).toMatchObject({ from: 2, to: 4 })
    expect(await back.next('room_message')).toMatchObject({ data: 3, seq: 5 })
    expect(await replica.metric(metrics.sessionsResumed.name, { result: 'gap' })).toBe(1)
  })

  test('acknowledged messages are not kept', async () => {
    const replica = await testReplica()
    const lost = await replica.connect()
    const { resumeToken: token } = await lost.next('connection_established')
    for (let i = 0; i < 3; i++) await lost.ask({ type: 'message', data: i }, 'message_response')
    lost.send({ type: 'ack', seq: 2 })
    await lost.ask({ type: 'heartbeat' }, 'heartbeat')
    lost.raw.terminate()
    await until(
      () => replica.metric(metrics.sessionsHeld.name),
      (held) => held === 1,
      'session held',
    )
    const back = await replica.connect()
    expect((await back.ask({ type: 'resume', token, lastSeq: 0 }, 'resumed')).replayed).toBe(1)
    expect(await back.next('resume_gap')).toMatchObject({ from: 1, to: 2 })
  })

  test('a session whose old connection still looks open moves over, and the old one is closed', async () => {
    const replica = await testReplica()
    const old = await replica.connect()
    const { resumeToken: token } = await old.next('connection_established')
    const back = await replica.connect()
    await back.ask({ type: 'resume', token, lastSeq: 0 }, 'resumed')
    expect((await old.closed).code).toBe(closeCodes.replaced.code)
    expect((await back.ask({ type: 'message', data: 1 }, 'message_response')).seq).toBe(1)
  })

  test.each([
    ['forged', 'resume_invalid', (token: string) => `${token.slice(0, -2)}xx`],
    ['not a token', 'resume_invalid', () => 'hello'],
    ['of a session that is not here', 'resume_unknown', (token: string) => token],
  ])('a token that is %s is refused with %s and the fresh session goes on', async (_what, code, change) => {
    const replica = await testReplica({ RESUME_WINDOW: 0, RESUME_SECRET: 'a secret of the tests' })
    const gone = await replica.connect()
    const { resumeToken } = await gone.next('connection_established')
    gone.close()
    await gone.closed
    const socket = await replica.connect()
    expect((await socket.ask({ type: 'resume', token: change(resumeToken), lastSeq: 0 }, 'error')).code).toBe(code)
    expect((await socket.ask({ type: 'message', data: 1 }, 'message_response')).seq).toBe(1)
  })

  test('an expired token is refused', async () => {
    const secret = 'a secret of the tests'
    const socket = await (await testReplica({ RESUME_SECRET: secret })).connect()
    const token = signToken(createSecretKey(Buffer.from(secret)), 'some-session', Date.now() - 1)
    expect((await socket.ask({ type: 'resume', token, lastSeq: 0 }, 'error')).code).toBe('resume_expired')
  })

  test('resuming comes first: a connection that has spoken cannot become another session', async () => {
    const replica = await testReplica()
    const token = await lostSession(replica)
    const socket = await replica.connect()
    await socket.ask({ type: 'message', data: 1 }, 'message_response')
    expect((await socket.ask({ type: 'resume', token, lastSeq: 0 }, 'error')).code).toBe('resume_too_late')
  })

  test('a client that closed normally is not waited for', async () => {
    const replica = await testReplica()
    const socket = await replica.connect()
    socket.close()
    await socket.closed
    await until(
      () => replica.metric(metrics.connectionsClosed.name, { cause: 'normal' }),
      (closed) => closed === 1,
      'close counted',
    )
    expect(await replica.metric(metrics.sessionsHeld.name)).toBe(0)
    expect(await replica.metric(metrics.roomMembers.name)).toBe(0)
  })
})
