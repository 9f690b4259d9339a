import { clientMessageTypes, maxMessageIdLength, maxNesting, serverMessageTypes } from '@lab/contract/messages.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ClientMessage, clientMessages, parseFrame, type ServerMessage, serverMessages } from './protocol.ts'

const fullest: { [T in ClientMessage['type']]: Extract<ClientMessage, { type: T }> } = {
  message: { type: 'message', id: 'm', time: 1, data: { a: [1, null] } },
  broadcast: { type: 'broadcast', id: 1, time: 1, room: 'tea', data: null },
  join: { type: 'join', id: 'j', room: 'a.b_c~d:e-F9' },
  leave: { type: 'leave', id: 'l', room: 'tea' },
  heartbeat: { type: 'heartbeat', id: 0, time: 1.5 },
  resume: { type: 'resume', id: 'r', token: 't', lastSeq: 0 },
  ack: { type: 'ack', seq: 7 },
}
const leanest: Partial<Record<ClientMessage['type'], object>> = {
  message: { type: 'message', data: 0 },
  broadcast: { type: 'broadcast', data: '' },
  heartbeat: { type: 'heartbeat' },
}
const from = { replica: 'ws-1', time: 1 }
const fromServer: { [T in ServerMessage['type']]: Extract<ServerMessage, { type: T }> } = {
  connection_established: {
    type: 'connection_established',
    version: '1.0.0+3f2a91c',
    colour: 'green',
    ...from,
    connectionId: 'c',
    heartbeatIntervalMs: 1,
    connectionTimeoutMs: 1,
    resumeToken: 't',
    limits: { maxFrameBytes: 1, messagesPerSecond: 1, maxRooms: 1, sendBufferBytes: 1 },
    seq: 1,
  },
  heartbeat: { type: 'heartbeat', ...from, id: 1, clientTime: 2 },
  message_response: { type: 'message_response', ...from, stored: true, seq: 1, duplicate: true },
  room_message: { type: 'room_message', ...from, room: '*', from: 'c', data: [], seq: 2, offset: 1 },
  room_joined: { type: 'room_joined', ...from, room: 'tea', members: 1, history: 0, seq: 1 },
  room_left: { type: 'room_left', ...from, room: 'tea', members: 0 },
  resumed: { type: 'resumed', ...from, connectionId: 'c', rooms: ['tea'], replayed: 0, seq: 1, resumeToken: 't' },
  resume_gap: { type: 'resume_gap', ...from, room: 'tea', from: 1, to: 2 },
  error: { type: 'error', ...from, code: 'internal', message: 'x' },
  goodbye: { type: 'goodbye', ...from, reason: 'draining', comeBackInMs: 1, windowMs: 2, resumeToken: 't' },
}

describe('messages', () => {
  test.each([...clientMessageTypes])('%s is parsed with all fields and with the required ones only', (type) => {
    for (const message of [fullest[type], leanest[type] ?? fullest[type]]) {
      expect(parseFrame(JSON.stringify(message))).toEqual({ ok: true, message })
    }
  })

  test.each([...serverMessageTypes])('%s matches its schema, and not with an additional field', (type) => {
    expect(serverMessages[type].parse(fromServer[type])).toEqual(fromServer[type])
    expect(serverMessages[type].safeParse({ ...fromServer[type], more: 1 }).success).toBe(false)
    expect(serverMessages[type].safeParse({ ...fromServer[type], replica: undefined }).success).toBe(false)
  })

  test.each([...clientMessageTypes])(
    '%s without a required field, or with an additional one, is refused with the name of the field',
    (type) => {
      for (const field of Object.keys(fullest[type]).filter((name) => name !== 'type')) {
        const without = { ...fullest[type], [field]: undefined }
        if (clientMessages[type].safeParse(JSON.parse(JSON.stringify(without))).success) continue
        expect(parseFrame(JSON.stringify(without))).toMatchObject({
          ok: false,
          code: 'invalid_message',
          text: expect.stringContaining(field),
        })
      }
      const more = parseFrame(JSON.stringify({ ...fullest[type], more: 1 }))
      expect(more).toMatchObject({ ok: false, code: 'invalid_message', text: expect.stringContaining('more') })
    },
  )
})

describe('errors', () => {
  test('the id is repeated if it is valid', () => {
    expect(parseFrame('{"type":"no","id":"a"}')).toMatchObject({ id: 'a' })
    expect(parseFrame('{"type":"no","id":{"a":1}}')).not.toHaveProperty('id')
    const tooLong = 'x'.repeat(maxMessageIdLength + 1)
    expect(parseFrame(JSON.stringify({ type: 'no', id: tooLong }))).not.toHaveProperty('id')
  })

  test('a foreign value is quoted up to a maximum length', () => {
    const parsed = parseFrame(JSON.stringify({ type: 'x'.repeat(10_000) }))
    expect(parsed).toMatchObject({ ok: false, code: 'unknown_type' })
    expect(parsed.ok ? '' : parsed.text.length).toBeLessThan(200)
  })

  test('property names of every object are not message types', () => {
    for (const type of ['__proto__', 'constructor', 'toString'])
      expect(parseFrame(JSON.stringify({ type }))).toMatchObject({ code: 'unknown_type' })
  })

  test('nesting counts brackets outside of strings only', () => {
    const inString = JSON.stringify({ type: 'message', data: `"\\${'['.repeat(5_000)}` })
    expect(parseFrame(inString).ok).toBe(true)
    const flat = JSON.stringify({ type: 'message', data: Array.from({ length: 2_000 }, () => [{}]) })
    expect(parseFrame(flat).ok).toBe(true)
    const nested = (levels: number) => `{"type":"message","data":${'['.repeat(levels)}${']'.repeat(levels)}}`
    expect(parseFrame(nested(maxNesting - 1)).ok).toBe(true)
    expect(parseFrame(nested(maxNesting))).toMatchObject({
      code: 'invalid_message',
      text: `nested 501 levels deep; allowed: ${maxNesting}.`,
    })
    expect(parseFrame('{"data":'.repeat(3_000))).toMatchObject({ code: 'invalid_message' })
  })

  test('no text makes the parser throw', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.jsonValue().map((type) => JSON.stringify({ type, id: type, room: type })),
    )
    fc.assert(fc.property(text, (frame) => typeof parseFrame(frame).ok === 'boolean'))
  })
})
