/** Tests that each message assembled from strings equals the output of JSON.stringify, whatever a client sends. */
import { everyoneRoom } from '@lab/contract/messages.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEncoder, placedEnd, provisionalEnd } from './encode.ts'
import { serverMessages } from './protocol.ts'

/** Generates any string, including characters that JSON escapes and unpaired surrogates. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\u0000', '\u2028', '\ud800', '\udfff', '😀', 'ä', '{', '}', ',') }),
)
/** Generates any number that JSON can represent. */
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constantFrom(0, -0, 1e21, 1e-7, 5e-324))
const id = fc.option(fc.oneof(text, number), { nil: undefined })
const time = fc.option(number, { nil: undefined })
/** Generates any value that JSON.parse can return; its strings and keys may contain any characters. */
const data = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any')),
    fc.dictionary(text, tie('any')),
  ),
})).any
const nowMs = fc.oneof(fc.constantFrom(0, 1_700_000_000_000), fc.nat(2 ** 40))
const place = fc.nat(Number.MAX_SAFE_INTEGER)

/** Returns an encoder, and a function that returns the first fields of a message of the given type. */
function encoderAt(replica: string, nowMs: number) {
  const encoder = createEncoder(replica, { now: () => nowMs, steady: () => 0 })
  return { encoder, first: (type: string) => ({ type, replica, time: nowMs }) }
}

describe('a message equals JSON.stringify:', () => {
  test('heartbeat', () => {
    fc.assert(
      fc.property(text, nowMs, id, time, (replica, now, id, time) => {
        const { encoder, first } = encoderAt(replica, now)
        expect(encoder.heartbeat({ id, time }, 0)).toBe(JSON.stringify({ ...first('heartbeat'), id, clientTime: time }))
        expect(encoder.heartbeat({ id, time }, 7)).toBe(JSON.stringify({ ...first('heartbeat'), id, clientTime: time, seq: 7 }))
      }),
    )
  })

  test('the answer to message', () => {
    fc.assert(
      fc.property(text, nowMs, id, time, data, (replica, now, id, time, data) => {
        const { encoder, first } = encoderAt(replica, now)
        const expected = JSON.stringify({ ...first('message_response'), id, clientTime: time, data })
        expect(encoder.echo({ id, time, data })).toBe(expected)
      }),
    )
  })

  test('the answer to broadcast', () => {
    const outcome = fc.oneof(
      fc.record({ result: fc.constantFrom('stored' as const, 'duplicate' as const), seq: place }),
      fc.constant({ result: 'provisional' as const }),
    )
    fc.assert(
      fc.property(text, nowMs, id, time, outcome, (replica, now, id, time, outcome) => {
        const { encoder, first } = encoderAt(replica, now)
        const fields =
          outcome.result === 'provisional'
            ? { stored: false }
            : { stored: true, seq: outcome.seq, ...(outcome.result === 'duplicate' && { duplicate: true }) }
        const expected = JSON.stringify({ ...first('message_response'), id, clientTime: time, ...fields })
        expect(encoder.outcome({ id, time }, outcome)).toBe(expected)
      }),
    )
  })

  test('room_message, stored or provisional', () => {
    fc.assert(
      fc.property(text, nowMs, text, text, id, time, data, place, place, (replica, now, room, from, id, time, data, seq, offset) => {
        const { encoder, first } = encoderAt(replica, now)
        const start = encoder.roomMessage(room, from, { id, time, data })
        const fields = { ...first('room_message'), room, from, id, clientTime: time, data }
        expect(start + placedEnd(seq, offset)).toBe(JSON.stringify({ ...fields, seq, offset }))
        expect(start + provisionalEnd).toBe(JSON.stringify({ ...fields, provisional: true }))
        // Messages are sent as UTF-8, so converting one to UTF-8 and back must not change it.
        expect(Buffer.from(start).toString()).toBe(start)
      }),
    )
  })

  test('any other message', () => {
    fc.assert(
      fc.property(text, nowMs, text, (replica, now, message) => {
        const { encoder, first } = encoderAt(replica, now)
        const expected = JSON.stringify({ ...first('error'), code: 'internal', message })
        expect(encoder.message('error', { id: undefined, code: 'internal', message })).toBe(expected)
      }),
    )
  })
})

test('messages match their schemas', () => {
  const { encoder } = encoderAt('ws-1', 1)
  const given = { id: 'a', time: 2 }
  const roomMessage = encoder.roomMessage(everyoneRoom, 'ann', { ...given, data: [null] })
  for (const [type, json] of [
    ['heartbeat', encoder.heartbeat({}, 0)],
    ['heartbeat', encoder.heartbeat(given, 7)],
    ['message_response', encoder.echo({ ...given, data: null })],
    ['message_response', encoder.outcome(given, { result: 'provisional' })],
    ['message_response', encoder.outcome({}, { result: 'stored', seq: 3 })],
    ['message_response', encoder.outcome(given, { result: 'duplicate', seq: 3 })],
    ['room_message', roomMessage + placedEnd(3, 1)],
    ['room_message', roomMessage + provisionalEnd],
  ] as const) {
    expect(serverMessages[type].safeParse(JSON.parse(json)), json).toMatchObject({ success: true })
  }
})

test('each message has the present time, even after the clock was set back', () => {
  let nowMs = 5
  const encoder = createEncoder('ws-1', { now: () => nowMs, steady: () => 0 })
  const times = [5, 5, 6, 4, 0].map((ms) => {
    nowMs = ms
    return (JSON.parse(encoder.heartbeat({}, 0)) as { time: number }).time
  })
  expect(times).toEqual([5, 5, 6, 4, 0])
})
