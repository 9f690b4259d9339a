/** Tests that the replica responds to invalid frames, counts them, and continues to serve its other clients. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { type ErrorCode, errorCodes, maxNesting } from '@lab/contract/messages.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
import { bystander } from './bystander.ts'
import { eventually, type TestReplica, testReplica } from './harness.ts'
import { frame, opcodes, RawPeer } from './raw.ts'

const countOf = (replica: TestReplica, cause: ErrorCode) => replica.metric(metrics.errors.name, { cause })
const countOfAll = (replica: TestReplica) => replica.metric(metrics.errors.name)

describe('an invalid message is answered, and the socket stays open', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const tooDeep = `{"type":"message","data":${nested(30_000)}}`
  const cases: [string, string | Buffer | object, ErrorCode, RegExp][] = [
    ['broken JSON', '{"type":', 'invalid_json', /JSON object/],
    ['an empty frame', '', 'invalid_json', /JSON object/],
    ['an array', '[{"type":"message"}]', 'invalid_json', /JSON object/],
    ['null', 'null', 'invalid_json', /JSON object/],
    ['a number', '42', 'invalid_json', /JSON object/],
    ['an unknown type', { type: 'shout', data: 1 }, 'unknown_type', /"shout" is not known; allowed: message, broadcast, /],
    ['no type', { data: 1 }, 'unknown_type', /\(none\) is not known; allowed: message/],
    ['a type that is not a string', { type: { a: 1 } }, 'unknown_type', /allowed: message/],
    ['a type of server messages', { type: 'goodbye' }, 'unknown_type', /allowed: message/],
    ['a missing field', { type: 'message' }, 'invalid_message', /data: is required/],
    ['an additional field', { type: 'message', data: 1, loud: true }, 'invalid_message', /loud/],
    ['a wrong room name', { type: 'join', room: 'a b' }, 'invalid_message', /room: .*\[A-Za-z0-9/],
    ['a room that is not a string', { type: 'join', room: 7 }, 'invalid_message', /room: .*string/],
    ['an id that is too long', { type: 'message', id: 'x'.repeat(65), data: 1 }, 'invalid_message', /id: .*64/],
    ['a negative number', { type: 'ack', seq: -1 }, 'invalid_message', /seq: .*0/],
    ['a resume without its token', { type: 'resume', lastSeq: 1 }, 'invalid_message', /token: .*string/],
    ['a message nested too deeply', tooDeep, 'invalid_message', new RegExp(`30001 levels deep; allowed: ${maxNesting}`)],
    ['a binary frame', Buffer.from('{"type":"message","data":1}'), 'binary_not_supported', /Only text frames/],
  ]
  test.each(cases)('%s', async (_what, sent, code, text) => {
    const replica = await testReplica()
    const other = bystander(await replica.connect())
    const socket = await replica.connect()
    socket.send(sent)
    const error = await socket.next('error')
    expect(error.code).toBe(code)
    expect(error.message).toMatch(text)
    expect(await countOf(replica, code)).toBe(1)
    expect(await countOfAll(replica)).toBe(1)
    expect((await socket.ask({ type: 'message', id: 'still here', data: 1 }, 'message_response')).id).toBe('still here')
    await other.wasNotDisturbed()
  })

  test('a message of the maximum nesting depth is echoed unchanged', async () => {
    const socket = await (await testReplica()).connect()
    const data: unknown = JSON.parse(nested(maxNesting - 1))
    expect((await socket.ask({ type: 'message', data }, 'message_response')).data).toEqual(data)
  })

  test('the error repeats the id of the message, if there is one', async () => {
    const socket = await (await testReplica()).connect()
    expect(await socket.ask({ type: 'shout', id: 'm-9' }, 'error')).toMatchObject({ id: 'm-9' })
    expect(await socket.ask({ type: 'join', id: 9 }, 'error')).toMatchObject({ id: 9 })
  })
})

describe('a frame that violates the protocol is answered, and only its own socket is closed', () => {
  const text = '{"type":"message","data":1}'
  const mebibyte = 'x'.repeat(1_048_576)
  const fragments = Array.from({ length: 16 }, (_, i) =>
    frame(i === 0 ? opcodes.text : opcodes.continuation, 'x'.repeat(8_192), { fin: false }),
  )
  const oneByteFragments = (count: number, content = 'x') =>
    Buffer.concat(Array.from({ length: count }, (_, i) => frame(i === 0 ? opcodes.text : opcodes.continuation, content, { fin: false })))
  const badClose = Buffer.from([1005 >> 8, 1005 & 0xff])
  const cases: [string, Buffer, keyof typeof closeCodes, ErrorCode][] = [
    ['1 MiB in one frame', frame(opcodes.text, mebibyte), 'frame_too_large', 'frame_too_large'],
    ['fragments whose total is too large', Buffer.concat(fragments), 'frame_too_large', 'frame_too_large'],
    ['a small message in too many fragments', oneByteFragments(1_000), 'frame_too_large', 'frame_too_large'],
    ['a message in fragments without content', oneByteFragments(1_000, ''), 'frame_too_large', 'frame_too_large'],
    ['a declared length of 4 GiB', frame(opcodes.text, '', { claimedLength: 2 ** 32 }), 'frame_too_large', 'frame_too_large'],
    ['a declared length beyond 2^53', frame(opcodes.text, '', { claimedLength: 2 ** 62 }), 'frame_too_large', 'frame_too_large'],
    ['text that is not UTF-8', frame(opcodes.text, Buffer.from([0x7b, 0xc3, 0x28, 0x7d])), 'invalid_payload', 'invalid_frame'],
    ['a frame without a mask', frame(opcodes.text, text, { mask: null }), 'protocol_error', 'invalid_frame'],
    ['a ping in fragments', frame(opcodes.ping, 'a', { fin: false }), 'protocol_error', 'invalid_frame'],
    ['a ping that is too long', frame(opcodes.ping, 'x'.repeat(126)), 'protocol_error', 'invalid_frame'],
    ['an unknown opcode', frame(3, text), 'protocol_error', 'invalid_frame'],
    ['an unknown control opcode', frame(11, ''), 'protocol_error', 'invalid_frame'],
    ['compression that was not negotiated', frame(opcodes.text, text, { rsv: 4 }), 'protocol_error', 'invalid_frame'],
    ['a continuation frame without a beginning', frame(opcodes.continuation, text), 'protocol_error', 'invalid_frame'],
    ['a new message inside another', Buffer.concat([frame(1, '{', { fin: false }), frame(1, text)]), 'protocol_error', 'invalid_frame'],
    ['a close frame with a reserved code', frame(opcodes.close, badClose), 'protocol_error', 'invalid_frame'],
    ['a close frame with an incomplete code', frame(opcodes.close, 'x'), 'protocol_error', 'invalid_frame'],
    [
      'a close frame with a reason that is not UTF-8',
      frame(opcodes.close, Buffer.from([3, 232, 0xc3, 0x28])),
      'invalid_payload',
      'invalid_frame',
    ],
  ]
  const allowed = { frame_too_large: /Allowed: 65536 bytes/, invalid_payload: /Allowed: .*UTF-8/, protocol_error: /Allowed: .*RFC 6455/ }

  test.each(cases)('%s', async (_what, bytes, cause, code) => {
    const replica = await testReplica({ CLOSE_TIMEOUT: 100 })
    const other = bystander(await replica.connect())
    const peer = await RawPeer.upgraded(replica.port)
    peer.write(bytes)
    expect(await peer.closeFrame()).toEqual({ code: closeCodes[cause].code, reason: closeCodes[cause].reason })
    const error = peer.messages().find(({ type }) => type === 'error')
    expect(error).toMatchObject({ code, message: expect.stringMatching(allowed[cause as keyof typeof allowed]) })
    // The client does not respond to the close frame, so the replica terminates its connection after the close timeout.
    await eventually(
      () => replica.hub.size,
      (size) => size === 1,
      'only the bystander is left',
    )
    expect(await countOf(replica, code)).toBe(1)
    expect(await countOfAll(replica)).toBe(1)
    expect(await replica.metric(metrics.connectionsClosed.name, { cause })).toBe(1)
    await other.wasNotDisturbed()
    peer.socket.destroy()
  })
})

describe('too many messages', () => {
  const perSecond = 100
  const messages = (count: number) =>
    Buffer.concat(Array.from({ length: count }, (_, i) => frame(opcodes.text, JSON.stringify({ type: 'message', id: i, data: i }))))

  test('at ten times the rate, every message above the limit is answered with an error', async () => {
    const replica = await testReplica({ MAX_MESSAGES_PER_SECOND: perSecond })
    const other = bystander(await replica.connect())
    const peer = await RawPeer.upgraded(replica.port)
    const sent = perSecond * 10
    peer.write(messages(sent))
    const answers = await eventually(
      () => peer.messages().slice(1),
      (seen) => seen.length === sent,
      'every message answered',
    )
    const errors = answers.flatMap((answer) => (answer.type === 'error' ? [answer] : []))
    // The replica accepts one burst and, on a slow machine, a few more messages, because tokens are added while the burst arrives.
    expect(errors.length).toBeLessThanOrEqual(sent - perSecond)
    expect(errors.length).toBeGreaterThan(0)
    for (const error of errors)
      expect(error).toMatchObject({ code: 'rate_limited', message: expect.stringContaining('Allowed: 100 per second') })
    expect(await countOf(replica, 'rate_limited')).toBe(errors.length)
    expect(await countOfAll(replica)).toBe(errors.length)
    expect(peer.ended).toBe(false)
    await other.wasNotDisturbed()
    peer.socket.destroy()
  })

  test.each([
    ['messages', messages(perSecond * 30)],
    ['pings', Buffer.concat(Array.from({ length: perSecond * 30 }, () => frame(opcodes.ping, 'hello?')))],
    ['pongs', Buffer.concat(Array.from({ length: perSecond * 30 }, () => frame(opcodes.pong, '')))],
  ])('a client that keeps sending %s is closed for abuse', async (_what, flood) => {
    const replica = await testReplica({ MAX_MESSAGES_PER_SECOND: perSecond, CLOSE_TIMEOUT: 100 })
    const other = bystander(await replica.connect())
    const peer = await RawPeer.upgraded(replica.port)
    peer.write(flood)
    expect(await peer.closeFrame()).toEqual({ code: closeCodes.rate_abuse.code, reason: closeCodes.rate_abuse.reason })
    expect(peer.messages().at(-1)).toMatchObject({ code: 'rate_abuse', message: expect.stringContaining('Allowed: 100 per second') })
    await eventually(
      () => replica.metric(metrics.connectionsClosed.name, { cause: 'rate_abuse' }),
      (closed) => closed === 1,
      'close counted',
    )
    expect(await countOf(replica, 'rate_abuse')).toBe(1)
    expect(await countOf(replica, 'rate_limited')).toBe(perSecond * 10)
    await other.wasNotDisturbed()
  })

  test('pings within the rate are answered with their payload', async () => {
    const replica = await testReplica()
    const peer = await RawPeer.upgraded(replica.port)
    peer.write(Buffer.concat([frame(opcodes.ping, 'one'), frame(opcodes.ping, 'two'), frame(opcodes.pong, 'unasked')]))
    const pongs = () => peer.frames().flatMap(({ opcode, payload }) => (opcode === opcodes.pong ? [payload.toString()] : []))
    await eventually(pongs, (seen) => seen.length === 2, 'two pongs')
    expect(pongs()).toEqual(['one', 'two'])
    expect(await countOfAll(replica)).toBe(0)
    peer.socket.destroy()
  })
})

describe('after a close', () => {
  test('frames after a close frame are ignored', async () => {
    const replica = await testReplica({ CLOSE_TIMEOUT: 100 })
    const other = bystander(await replica.connect())
    const peer = await RawPeer.upgraded(replica.port)
    peer.write(
      Buffer.concat([
        frame(opcodes.close, Buffer.from([3, 232])),
        frame(opcodes.text, '{"type":"message","data":1}'),
        frame(opcodes.text, '{'),
      ]),
    )
    expect((await peer.closeFrame()).code).toBe(closeCodes.normal.code)
    await eventually(
      () => replica.hub.size,
      (size) => size === 1,
      'closed',
    )
    expect(peer.messages().map(({ type }) => type)).toEqual(['connection_established'])
    expect(await countOfAll(replica)).toBe(0)
    expect(await replica.metric(metrics.connectionsClosed.name, { cause: 'normal' })).toBe(1)
    await other.wasNotDisturbed()
    peer.socket.destroy()
  })

  test('every error code has a text for people', () => {
    for (const { text } of Object.values(errorCodes)) expect(text).toMatch(/^[A-Z].{10,}\.$/)
  })
})
