import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemorySessionStore, type Numbered, Session } from './sessions.ts'

const roomy = { messages: 100, bytes: 10_000 }

function session(bounds = roomy, id = 's'): Session {
  return new Session(id, 'ann', bounds)
}

/** Pushes messages whose data are their own numbers. */
function push(to: Session, count: number): void {
  for (let i = 0; i < count; i++) to.push('room_message', `{"type":"room_message","data":${to.seq + 1}`)
}

const numbers = ({ messages }: { messages: Numbered[] }) => messages.map(({ seq }) => seq)

describe('a session', () => {
  test('numbers messages from one, and sends them only while somebody is there', () => {
    const heard: string[] = []
    const s = session()
    s.link = { send: (_type, head, tail) => heard.push(head + tail) }
    push(s, 2)
    s.link = null
    push(s, 1)
    expect(heard.map((text) => JSON.parse(text))).toEqual([1, 2].map((n) => ({ type: 'room_message', data: n, seq: n })))
    expect(numbers(s.missedSince(2))).toEqual([3])
  })

  test('keeps no more messages and no more bytes than its bounds', () => {
    const few = session({ messages: 3, bytes: 10_000 })
    push(few, 10)
    expect(numbers(few.missedSince(0))).toEqual([8, 9, 10])
    expect(few.missedSince(0).gap).toEqual({ from: 1, to: 7 })
    const small = session({ messages: 100, bytes: 100 })
    push(small, 10)
    const { messages } = small.missedSince(0)
    expect(messages.reduce((sum, { head }) => sum + head.length, 0)).toBeLessThanOrEqual(100)
    expect(messages.length).toBeGreaterThan(0)
  })

  test('a message larger than the buffer is not kept, and said to be missing', () => {
    const s = session({ messages: 10, bytes: 20 })
    s.push('message_response', `{"data":"${'x'.repeat(50)}"`)
    expect(s.missedSince(0)).toEqual({ messages: [], gap: { from: 1, to: 1 } })
  })

  test('without a buffer everything missed is a gap', () => {
    const s = session({ messages: 0, bytes: 0 })
    push(s, 4)
    expect(s.missedSince(1)).toEqual({ messages: [], gap: { from: 2, to: 4 } })
    expect(s.missedSince(4)).toEqual({ messages: [], gap: null })
  })

  test('whatever was acknowledged and wherever the client is, frames and gap together are exactly what it missed', () => {
    const count = fc.integer({ min: 0, max: 30 })
    fc.assert(
      fc.property(count, count, count, fc.integer({ min: 0, max: 10 }), (pushed, acked, last, messages) => {
        const s = session({ messages, bytes: 10_000 })
        push(s, pushed)
        s.acknowledge(acked)
        const lastSeq = Math.min(last, pushed)
        const { messages: replay, gap } = s.missedSince(lastSeq)
        const missing = gap === null ? [] : Array.from({ length: gap.to - gap.from + 1 }, (_, i) => gap.from + i)
        expect([...missing, ...numbers({ messages: replay })]).toEqual(Array.from({ length: pushed - lastSeq }, (_, i) => lastSeq + 1 + i))
        expect(replay.length).toBeLessThanOrEqual(messages)
        if (gap !== null) expect(gap.to).toBeLessThanOrEqual(Math.max(acked, pushed - messages))
      }),
    )
  })

  test('acknowledging twice, or what was never sent, changes nothing more', () => {
    const s = session()
    push(s, 3)
    for (const seq of [2, 2, 1, 0]) s.acknowledge(seq)
    expect(numbers(s.missedSince(2))).toEqual([3])
    s.acknowledge(99)
    push(s, 1)
    expect(numbers(s.missedSince(3))).toEqual([4])
  })
})

describe('the store', () => {
  const held = (store: MemorySessionStore<Session>, ids: string[], nowMs: number) =>
    ids.map((id) => store.hold(session(roomy, id), nowMs).map((gone) => gone.id))

  test('gives a session back once, within its window', () => {
    const store = new MemorySessionStore<Session>(1_000, 10)
    held(store, ['a', 'b'], 0)
    expect(store.take('a', 999)?.id).toBe('a')
    expect(store.take('a', 999)).toBeUndefined()
    expect(store.take('b', 1_000)).toBeUndefined()
    expect(store.size).toBe(1)
  })

  test('ends sessions when their time is up, oldest first, and names them', () => {
    const store = new MemorySessionStore<Session>(1_000, 10)
    held(store, ['a'], 0)
    held(store, ['b'], 500)
    expect(store.expire(999)).toEqual([])
    expect(store.expire(1_000).map(({ id }) => id)).toEqual(['a'])
    expect(store.expire(9_000).map(({ id }) => id)).toEqual(['b'])
    expect(store.size).toBe(0)
  })

  test('holds no more than its limit: the oldest gives way and is named', () => {
    const store = new MemorySessionStore<Session>(1_000, 2)
    expect(held(store, ['a', 'b', 'c', 'd'], 0)).toEqual([[], [], ['a'], ['b']])
    expect(store.size).toBe(2)
  })

  test.each([
    [0, 10],
    [1_000, 0],
  ])('with a window of %i ms and room for %i it holds nothing', (windowMs, limit) => {
    const store = new MemorySessionStore<Session>(windowMs, limit)
    expect(held(store, ['a'], 0)).toEqual([['a']])
    expect(store.size).toBe(0)
  })
})
