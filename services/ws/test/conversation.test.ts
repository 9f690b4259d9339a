/** Tests the messages exchanged between clients and the service over real sockets. */
import { createSecretKey } from 'node:crypto'
import { once } from 'node:events'
import { closeCodes } from '@lab/contract/close-codes.ts'
import { paths, replicaHeader, requestIdHeader } from '@lab/contract/endpoints.ts'
import { everyoneRoom } from '@lab/contract/messages.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { serverMessages } from '../src/protocol.ts'
import { signToken } from '../src/resume-token.ts'
import { eventually, type TestReplica, testReplica } from './harness.ts'

describe('opening', () => {
  test('the upgrade names the replica and the request, and the first message contains the limits', async () => {
    const replica = await testReplica({ HEARTBEAT_INTERVAL: 12_345 })
    const socket = await replica.connect({ id: 'ann', headers: { [requestIdHeader]: 'req-1' } })
    expect(socket.headers).toMatchObject({ [replicaHeader]: 'ws-test', [requestIdHeader]: 'req-1' })
    const hello = await socket.next('connection_established')
    expect(hello).toMatchObject({ connectionId: 'ann', replica: 'ws-test', heartbeatIntervalMs: 12_345, limits: { maxFrameBytes: 65_536 } })
    expect(serverMessages.connection_established.parse(hello)).toEqual(hello)
  })

  test('the first message, /health and the metrics name the version and the colour', async () => {
    const replica = await testReplica({ LAB_COLOUR: 'green' })
    const named = { version: '0.0.0', colour: 'green' }
    expect(await (await replica.connect()).next('connection_established')).toMatchObject(named)
    expect(await (await fetch(replica.httpUrl + paths.health)).json()).toMatchObject(named)
    expect(await replica.metric(metrics.buildInfo.name, named)).toBe(1)
  })

  test('connections without an id get different ids', async () => {
    const replica = await testReplica()
    const ids = new Set<string>()
    for (let i = 0; i < 3; i++) ids.add((await (await replica.connect()).next('connection_established')).connectionId)
    expect(ids.size).toBe(3)
  })
})

describe('messages', () => {
  test('a message is answered with its id, time and data', async () => {
    const socket = await (await testReplica()).connect()
    const data = { text: 'hällo', list: [1, null, true] }
    const first = await socket.ask({ type: 'message', id: 'm-1', time: 1_000, data }, 'message_response')
    expect(first).toMatchObject({ id: 'm-1', clientTime: 1_000, data, replica: 'ws-test' })
    expect(serverMessages.message_response.parse(first)).toEqual(first)
    expect(await socket.ask({ type: 'message', id: 7, data: null }, 'message_response')).toMatchObject({ id: 7, data: null })
  })

  test('a heartbeat is answered with a heartbeat', async () => {
    const socket = await (await testReplica()).connect()
    const beat = await socket.ask({ type: 'heartbeat', id: 1, time: 5 }, 'heartbeat')
    expect(beat).toMatchObject({ id: 1, clientTime: 5 })
    expect(serverMessages.heartbeat.parse(beat)).toEqual(beat)
  })

  test('a room message reaches every member including the sender, in one order', async () => {
    const replica = await testReplica()
    const [ann, bob, eve] = [
      await replica.connect({ id: 'ann' }),
      await replica.connect({ id: 'bob' }),
      await replica.connect({ id: 'eve' }),
    ]
    expect((await ann.ask({ type: 'join', room: 'tea', id: 1 }, 'room_joined')).members).toBe(1)
    expect((await bob.ask({ type: 'join', room: 'tea' }, 'room_joined')).members).toBe(2)
    for (const data of ['one', 'two']) {
      const answer = await ann.ask({ type: 'broadcast', room: 'tea', id: data, data }, 'message_response')
      expect(serverMessages.message_response.parse(answer)).toEqual(answer)
      expect(answer.stored).toBe(true)
    }
    const heard = []
    for (const [i, data] of ['one', 'two'].entries()) {
      const message = await bob.next('room_message')
      expect(message).toMatchObject({ room: 'tea', from: 'ann', data, offset: i + 1 })
      expect(serverMessages.room_message.parse(message)).toEqual(message)
      heard.push(message.seq)
    }
    eve.send({ type: 'broadcast', data: 'to all' })
    const toAll = await bob.next('room_message')
    expect(toAll).toMatchObject({ room: everyoneRoom, from: 'eve', data: 'to all', offset: 1 })
    heard.push(toAll.seq)
    expect(heard).toEqual([...new Set(heard)].sort())
    expect((await bob.ask({ type: 'leave', room: 'tea' }, 'room_left')).members).toBe(1)
    expect(await replica.metric(metrics.roomMessages.name, { result: 'stored' })).toBe(3)
  })

  test('a repeated room message with the same id is recognised: answered again, and delivered once', async () => {
    const replica = await testReplica()
    const [ann, bob, eve] = [await replica.connect(), await replica.connect(), await replica.connect()]
    const broadcast = { type: 'broadcast', id: 'b-1', data: 'once' }
    const { seq } = await ann.ask(broadcast, 'message_response')
    expect(await ann.ask(broadcast, 'message_response')).toMatchObject({ id: 'b-1', stored: true, seq, duplicate: true })
    // The same message id from another client identifies a different message.
    await bob.ask({ ...broadcast, data: 'mine' }, 'message_response')
    for (const data of ['once', 'mine']) expect((await eve.next('room_message')).data).toBe(data)
    expect(await replica.metric(metrics.roomMessages.name, { result: 'duplicate' })).toBe(1)
  })

  test('late joiners receive the latest messages of the room, or all since a sequence number', async () => {
    const replica = await testReplica({ ROOM_HISTORY: 2 })
    const ann = await replica.connect({ id: 'ann' })
    await ann.ask({ type: 'join', room: 'tea' }, 'room_joined')
    const seqs = []
    for (let i = 0; i < 4; i++) seqs.push((await ann.ask({ type: 'broadcast', room: 'tea', data: i }, 'message_response')).seq)
    const late = await replica.connect()
    const joined = await late.ask({ type: 'join', room: 'tea' }, 'room_joined')
    expect(joined).toMatchObject({ members: 2, history: 2, seq: seqs[3] })
    expect(serverMessages.room_joined.parse(joined)).toEqual(joined)
    for (const data of [2, 3]) expect((await late.next('room_message')).data).toBe(data)
    const back = await replica.connect()
    expect((await back.ask({ type: 'join', room: 'tea', since: seqs[0] }, 'room_joined')).history).toBe(3)
    for (const data of [1, 2, 3]) expect((await back.next('room_message')).data).toBe(data)
  })

  test('a message may follow a join without waiting for its answer', async () => {
    const socket = await (await testReplica()).connect()
    socket.send({ type: 'join', room: 'tea' })
    socket.send({ type: 'broadcast', room: 'tea', data: 'early' })
    expect((await socket.next('room_message')).data).toBe('early')
  })

  test('only members can use a room, and the number of rooms is limited', async () => {
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
  /** Opens a session in a room, cuts its connection, and returns the session's token and sequence number. */
  async function lostSession(replica: TestReplica): Promise<{ token: string; lastSeq: number }> {
    const lost = await replica.connect({ id: 'ann' })
    const { resumeToken } = await lost.next('connection_established')
    const { seq } = await lost.ask({ type: 'join', room: 'tea' }, 'room_joined')
    lost.raw.terminate()
    await eventually(
      () => replica.metric(metrics.sessionsHeld.name),
      (held) => held === 1,
      'session held',
    )
    return { token: resumeToken, lastSeq: seq }
  }

  async function publish(replica: TestReplica, count: number): Promise<number[]> {
    const bob = await replica.connect({ id: 'bob' })
    await bob.ask({ type: 'join', room: 'tea' }, 'room_joined')
    const seqs = []
    for (let i = 0; i < count; i++) {
      seqs.push((await bob.ask({ type: 'broadcast', room: 'tea', data: i }, 'message_response')).seq ?? Number.NaN)
    }
    return seqs
  }

  test('missed messages are replayed once and in order, and the rooms continue', async () => {
    const replica = await testReplica()
    const lost = await lostSession(replica)
    const seqs = await publish(replica, 3)
    const back = await replica.connect()
    const resumed = await back.ask({ type: 'resume', ...lost, id: 'r' }, 'resumed')
    expect(resumed).toMatchObject({ id: 'r', connectionId: 'ann', rooms: ['tea'], replayed: 3, seq: lost.lastSeq })
    expect(serverMessages.resumed.parse(resumed)).toEqual(resumed)
    for (const [i, seq] of seqs.entries()) expect(await back.next('room_message')).toMatchObject({ data: i, seq, offset: i + 1 })
    await back.ask({ type: 'broadcast', room: 'tea', data: 'on' }, 'message_response')
    expect(await replica.metric(metrics.messagesReplayed.name)).toBe(3)
    expect(await replica.metric(metrics.sessionsResumed.name, { result: 'resumed' })).toBe(1)
    expect(await replica.metric(metrics.sessionsHeld.name)).toBe(0)
  })

  test('messages that are no longer stored are reported', async () => {
    const replica = await testReplica({ ROOM_LOG_MESSAGES: 2 })
    const lost = await lostSession(replica)
    const seqs = await publish(replica, 5)
    const back = await replica.connect()
    await back.ask({ type: 'resume', ...lost }, 'resumed')
    expect(await back.next('resume_gap')).toMatchObject({ from: lost.lastSeq + 1, to: seqs[2] })
    expect(await back.next('room_message')).toMatchObject({ data: 3, seq: seqs[3] })
    expect(await replica.metric(metrics.sessionsResumed.name, { result: 'gap' })).toBe(1)
  })

  test('a client without stored state resumes after the messages it acknowledged', async () => {
    const replica = await testReplica()
    const lost = await replica.connect()
    const { resumeToken: token } = await lost.next('connection_established')
    for (const data of [1, 2, 3]) await lost.ask({ type: 'broadcast', id: data, data }, 'message_response')
    const again = await lost.ask({ type: 'broadcast', id: 2, data: 2 }, 'message_response')
    lost.send({ type: 'ack', seq: again.seq })
    await lost.ask({ type: 'heartbeat' }, 'heartbeat')
    lost.raw.terminate()
    await eventually(
      () => replica.metric(metrics.sessionsHeld.name),
      (held) => held === 1,
      'session held',
    )
    const back = await replica.connect()
    expect((await back.ask({ type: 'resume', token }, 'resumed')).replayed).toBe(1)
    expect((await back.next('room_message')).data).toBe(3)
  })

  test('an unanswered request may be repeated after a resume, even if the session is gone', async () => {
    const replica = await testReplica({ RESUME_WINDOW: 0, RESUME_SECRET: 'a secret of the tests' })
    const lost = await replica.connect()
    const { resumeToken: token } = await lost.next('connection_established')
    const { seq } = await lost.ask({ type: 'broadcast', id: 'b', data: 1 }, 'message_response')
    lost.raw.terminate()
    await lost.closed
    const back = await replica.connect()
    expect((await back.ask({ type: 'resume', token }, 'error')).code).toBe('resume_unknown')
    expect(await back.ask({ type: 'broadcast', id: 'b', data: 1 }, 'message_response')).toMatchObject({ seq, duplicate: true })
  })

  test('an unanswered request is also recognised on a connection that resumes the replacement session', async () => {
    const replica = await testReplica({ RESUME_SECRET: 'a secret of the tests' })
    const first = await replica.connect()
    const { resumeToken: token } = await first.next('connection_established')
    const { seq } = await first.ask({ type: 'broadcast', id: 'b', data: 1 }, 'message_response')
    first.raw.close(closeCodes.normal.code)
    await first.closed
    const second = await replica.connect()
    const { resumeToken: standIn } = await second.next('connection_established')
    expect((await second.ask({ type: 'resume', token }, 'error')).code).toBe('resume_unknown')
    second.raw.terminate()
    await eventually(
      () => replica.metric(metrics.sessionsHeld.name),
      (held) => held === 1,
      'session held',
    )
    const third = await replica.connect()
    await third.ask({ type: 'resume', token: standIn }, 'resumed')
    expect(await third.ask({ type: 'broadcast', id: 'b', data: 1 }, 'message_response')).toMatchObject({ seq, duplicate: true })
  })

  test('a session moves from an old connection that still seems open, which is closed', async () => {
    const replica = await testReplica()
    const old = await replica.connect()
    const { resumeToken: token } = await old.next('connection_established')
    const back = await replica.connect()
    await back.ask({ type: 'resume', token, lastSeq: 0 }, 'resumed')
    expect((await old.closed).code).toBe(closeCodes.replaced.code)
    back.send({ type: 'broadcast', data: 1 })
    expect((await back.next('room_message')).data).toBe(1)
  })

  test('a replaced token is refused, and the client with the new one is not affected', async () => {
    const replica = await testReplica()
    const first = await replica.connect({ id: 'ann' })
    const { resumeToken: old } = await first.next('connection_established')
    first.raw.terminate()
    const second = await replica.connect()
    await second.ask({ type: 'resume', token: old }, 'resumed')
    const thief = await replica.connect()
    expect((await thief.ask({ type: 'resume', token: old }, 'error')).code).toBe('resume_unknown')
    expect((await second.ask({ type: 'message', data: 'still here' }, 'message_response')).data).toBe('still here')
    second.raw.terminate()
    await eventually(
      () => replica.metric(metrics.sessionsHeld.name),
      (held) => held === 1,
      'session held',
    )
    expect((await (await replica.connect()).ask({ type: 'resume', token: old }, 'error')).code).toBe('resume_unknown')
  })

  test('a token whose replacement never arrived remains valid', async () => {
    const replica = await testReplica()
    const first = await replica.connect({ id: 'ann' })
    const { resumeToken: old } = await first.next('connection_established')
    first.raw.terminate()
    // This client reads nothing from its socket and does not respond to pings.
    const deaf = new WebSocket(replica.wsUrl + paths.ws, { autoPong: false })
    onTestFinished(() => deaf.terminate())
    await once(deaf, 'open')
    const closed = once(deaf, 'close')
    deaf.send(JSON.stringify({ type: 'resume', token: old }))
    await eventually(
      () => replica.metric(metrics.sessionsResumed.name, { result: 'resumed' }),
      (resumed) => resumed === 1,
      'resumed',
    )
    const second = await replica.connect()
    expect(await second.ask({ type: 'resume', token: old }, 'resumed')).toMatchObject({ connectionId: 'ann' })
    expect((await closed)[0]).toBe(closeCodes.replaced.code)
  })

  test.each([
    ['forged', 'resume_invalid', (token: string) => `${token.slice(0, -2)}xx`],
    ['not a token', 'resume_invalid', () => 'hello'],
    ['for an unknown session', 'resume_unknown', (token: string) => token],
  ])('a token that is %s is refused with %s, and the new session continues', async (_what, code, change) => {
    const replica = await testReplica({ RESUME_WINDOW: 0, RESUME_SECRET: 'a secret of the tests' })
    const gone = await replica.connect()
    const { resumeToken } = await gone.next('connection_established')
    gone.close()
    await gone.closed
    const socket = await replica.connect()
    expect((await socket.ask({ type: 'resume', token: change(resumeToken), lastSeq: 0 }, 'error')).code).toBe(code)
    expect((await socket.ask({ type: 'message', data: 1 }, 'message_response')).data).toBe(1)
  })

  test('an expired token is refused', async () => {
    const secret = 'a secret of the tests'
    const socket = await (await testReplica({ RESUME_SECRET: secret })).connect()
    const token = signToken(createSecretKey(Buffer.from(secret)), { sessionId: 'some', idScope: 'some', number: 0 }, Date.now() - 1)
    expect((await socket.ask({ type: 'resume', token, lastSeq: 0 }, 'error')).code).toBe('resume_expired')
  })

  test('a connection that has sent something cannot resume another session', async () => {
    const replica = await testReplica()
    const lost = await lostSession(replica)
    const socket = await replica.connect()
    await socket.ask({ type: 'message', data: 1 }, 'message_response')
    expect((await socket.ask({ type: 'resume', ...lost }, 'error')).code).toBe('resume_too_late')
  })

  test('the session of a client that closed normally is not stored', async () => {
    const replica = await testReplica()
    const socket = await replica.connect()
    socket.close()
    await socket.closed
    await eventually(
      () => replica.metric(metrics.connectionsClosed.name, { cause: 'normal' }),
      (closed) => closed === 1,
      'close counted',
    )
    expect(await replica.metric(metrics.sessionsHeld.name)).toBe(0)
    expect(await replica.metric(metrics.roomMembers.name)).toBe(0)
  })
})
