/**
 * Tests rooms across replicas: a real Valkey is paused, killed, emptied and disconnected, and no message is lost, duplicated or reordered.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@lab/host/until.ts'
import type { Published } from '@lab/ws/room-log.ts'
import { LogUser, roomLogSuite } from '@lab/ws/test/suites/room-log-suite.ts'
import { describe, expect, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { empty, logUser, openRelay, replica, sorted, startStores, useValkey } from './lib/stores.ts'

const valkey = useValkey()

const healthy = (...users: LogUser[]) => until('healthy', () => users.every(({ log }) => log.healthy()), { withinMs: 10_000, everyMs: 20 })
const arrived = (user: LogUser, count: number) =>
  until(`${count} messages arrive`, () => user.messages.length >= count, { withinMs: 15_000, everyMs: 20 })

describe('room log in Valkey', () => {
  roomLogSuite(async () => {
    await empty()
    return (await replica('a')).roomLog
  })
})

describe('one log for all replicas', () => {
  // This test records the latency of messages between replicas, but sets no limit.
  // The service level objective for this latency is part of the proof report.
  test('delivers all messages of one replica on another one, in order, at 1,000 messages per second', async () => {
    await empty()
    const [a, b] = [await logUser('a'), await logUser('b')]
    const publishedAt = new Map<string, number>()
    const total = 10_000
    const startedAt = performance.now()
    for (let i = 0; i < total; await sleep(1)) {
      for (const due = performance.now() - startedAt; i < Math.min(total, due); i++) {
        const text = `{"type":"room_message","n":${i},"data":"${'x'.repeat(150)}"`
        publishedAt.set(text, performance.now())
        a.publish(`room ${i % 50}`, text)
      }
    }
    await arrived(b, total)
    const tookMs = [...publishedAt].map(([text, atMs]) => (b.arrivals.get(text) ?? Number.NaN) - atMs).sort((x, y) => x - y)
    const at = (share: number) => Math.round((tookMs[Math.floor(tookMs.length * share)] ?? Number.NaN) * 100) / 100
    addFigure('crossReplicaMs', { p50: at(0.5), p99: at(0.99), max: at(0.9999), messagesPerSecond: 1000 })
    expect(b.texts).toEqual([...publishedAt.keys()])
  })

  test('reports messages that were trimmed from the log as lost, once and with exact positions', async () => {
    await empty()
    const relay = await openRelay()
    const env = { ROOM_LOG_MESSAGES: 1000 }
    const [a, b] = [await logUser('a', env, relay.port), await logUser('b', env)]
    b.publish('tea', 'seen by both')
    await arrived(a, 1)
    a.lost.length = 0
    relay.cut()
    // The test must not publish messages faster than replica b can read them.
    for (let i = 0; i < 3000; i += 100) {
      for (let n = i; n < i + 100; n++) b.publish('tea', `m ${n}`)
      await arrived(b, i + 101)
    }
    relay.restore()
    await until('a has caught up', () => a.texts.at(-1) === 'm 2999', { withinMs: 10_000, everyMs: 20 })
    const missed = b.messages.filter(({ seq }) => !a.messages.some((message) => message.seq === seq))
    expect(missed.length).toBeGreaterThan(1000)
    expect(a.lost).toEqual([missed.at(-1)?.seq])
    expect(a.messages).toEqual(b.messages.filter((message) => !missed.includes(message)))
  })

  test('continues with higher positions after the store has lost all data, and reports the loss', async () => {
    await empty()
    const [a, b] = [await logUser('a'), await logUser('b')]
    // Setting the last sequence number one minute in the future simulates a Valkey clock that was ahead and has since been corrected.
    const future = (Date.now() + 60_000) * 1000
    await valkey().cli('HSET', 'lab:log:meta', 'last', String(future))
    a.publish('tea', 'before')
    await Promise.all([arrived(a, 1), arrived(b, 1)])
    const before = b.messages.at(-1)?.seq ?? Number.NaN
    expect(before).toBe(future + 1)
    a.lost.length = b.lost.length = 0
    await empty()
    b.publish('tea', 'after')
    await until('the message arrives', () => a.texts.includes('after') && b.texts.includes('after'), { withinMs: 5_000, everyMs: 10 })
    const after = a.messages.at(-1)
    expect(after?.seq).toBeGreaterThan(before)
    expect(after?.offset).toBe(1)
    expect([a.lost.length, b.lost.length]).toEqual([1, 1])
    expect(a.lost[0]).toBeGreaterThanOrEqual(before)
    expect(a.lost[0]).toBeLessThan(after?.seq ?? 0)
  })

  test('stores no more messages and bytes than configured', async () => {
    await empty()
    const a = await logUser('a', { ROOM_LOG_MESSAGES: 0, ROOM_LOG_BYTES: 0, MAX_FRAME_BYTES: 65_536 })
    for (let i = 0; i < 300; i += 20) {
      for (let n = i; n < i + 20; n++) a.publish('tea', `${n}:${'x'.repeat(60_000)}`)
      await arrived(a, i + 20)
    }
    // The room log may exceed its limit of four megabytes by the messages that have been stored since the log was last trimmed.
    const stored = Number(await valkey().cli('XLEN', 'lab:log'))
    expect(stored).toBeGreaterThan(50)
    expect(stored).toBeLessThan(90)
    for (let i = 0; i < 3000; i += 100) {
      for (let n = i; n < i + 100; n++) a.publish('tea', `short ${n}`)
      await arrived(a, i + 400)
    }
    expect(Number(await valkey().cli('XLEN', 'lab:log'))).toBeLessThan(1300)
    expect(a.lost.length).toBeLessThanOrEqual(1)
  })
})

test('keys and rooms survive one change of generations, but not two', async () => {
  await empty()
  // Replica a is configured not to remember any message keys, so only the keys in Valkey can reveal a duplicate.
  const a = await logUser('a', { ROOM_LOG_MESSAGES: 0 })
  const publish = async (text: string) => {
    const answers = a.publish('tea', text)
    await until('an answer', () => answers.length > 0, { withinMs: 5_000, everyMs: 5 })
    return answers[0]?.result
  }
  /**
   * Sets the start times of the current generations of message keys and rooms far in the past, so that the next message starts new
   * generations.
   */
  const age = () => valkey().cli('HSET', 'lab:log:meta', 'placesSince', '1', 'offsetsSince', '1')
  await publish('a')
  await age()
  expect(await publish('b')).toBe('stored')
  expect(await publish('a')).toBe('duplicate')
  await age()
  expect(await publish('c')).toBe('stored')
  expect(await publish('b')).toBe('duplicate')
  expect(await publish('a')).toBe('stored')
  await arrived(a, 4)
  expect(a.messages.map(({ offset }) => offset)).toEqual([1, 2, 3, 4])
  await age()
  const elsewhere = a.publish('milk', 'd')
  await until('an answer', () => elsewhere.length > 0, { withinMs: 5_000, everyMs: 5 })
  await age()
  await publish('e')
  await arrived(a, 6)
  expect(a.messages.at(-1)?.offset).toBe(1)
})

/** Publishes steadily from all replicas during a disturbance, and waits until every replica has every message. */
async function publishThrough(users: LogUser[], happens: () => Promise<void>): Promise<{ texts: string[]; outcomes: Published[][] }> {
  const texts: string[] = []
  const outcomes: Published[][] = []
  let going = true
  const publishing = (async () => {
    for (let i = 0; going; i++) {
      for (const [who, user] of users.entries()) {
        const text = `${who}:${String(i).padStart(6, '0')}`
        texts.push(text)
        outcomes.push(user.publish('tea', text))
      }
      await sleep(2)
    }
  })()
  try {
    await sleep(300)
    await happens()
    const backAt = performance.now()
    await healthy(...users)
    expect(performance.now() - backAt).toBeLessThan(10_000)
    await sleep(300)
  } finally {
    going = false
    await publishing
  }
  await Promise.all(users.map((user) => arrived(user, texts.length)))
  await until('all are answered', () => users.every(({ log }) => log.waiting === 0), { withinMs: 5_000, everyMs: 10 })
  return { texts, outcomes }
}

/**
 * Expects that every user received each message once and in the same order, that each sender's order was preserved in the log and in the
 * deliveries, and that each sender received the correct confirmation.
 */
function expectNothingLost(users: LogUser[], { texts, outcomes }: { texts: string[]; outcomes: Published[][] }): void {
  for (const user of users) {
    expect(user.messages.length).toBe(texts.length)
    expect(sorted(user.texts)).toEqual(sorted(texts))
    expect(user.messages).toEqual(users[0]?.messages)
    expect(user.messages.map(({ offset }) => offset)).toEqual(texts.map((_, index) => index + 1))
  }
  for (const who of users.keys()) {
    const ofOne = (list: string[]) => list.filter((text) => text.startsWith(`${who}:`))
    expect(ofOne(users[0]?.texts ?? [])).toEqual(ofOne(texts))
    for (const { delivered } of users) expect(ofOne([...delivered])).toEqual(ofOne(texts))
  }
  const places = new Map(users[0]?.messages.map(({ head, seq }) => [head.toString(), seq]))
  for (const [index, text] of texts.entries()) {
    const answers = outcomes[index] ?? []
    expect(answers.at(-1), text).toEqual({ result: 'stored', seq: places.get(text) })
    expect(answers.slice(0, -1).map(({ result }) => result)).toEqual(answers.length === 1 ? [] : ['provisional'])
  }
  // Each message with a provisional confirmation was delivered provisionally, once. Stored messages that the replica had not read yet are
  // also delivered in this way.
  const provisional = texts.filter((_, index) => outcomes[index]?.length === 2)
  const delivered = users.flatMap((user) => user.provisional)
  expect(provisional.filter((text) => !delivered.includes(text))).toEqual([])
  expect(new Set(delivered).size).toBe(delivered.length)
}

describe('while Valkey is unavailable', () => {
  test.each<[what: string, degrades: boolean, happens: () => Promise<void>]>([
    [
      'paused for a moment',
      false,
      async () => {
        await valkey().does('pause')
        await valkey().does('unpause')
      },
    ],
    [
      'paused for three seconds',
      true,
      async () => {
        await valkey().does('pause')
        await sleep(3000)
        await valkey().does('unpause')
      },
    ],
    ['restarted', true, () => valkey().does('restart')],
    [
      'killed, and started two seconds later',
      true,
      async () => {
        await valkey().does('kill', '--signal', 'KILL')
        await sleep(2000)
        await valkey().does('start')
      },
    ],
  ])('%s: no message is lost, doubled or reordered, and the recovery takes less than 10 s', async (_what, degrades, happens) => {
    await empty()
    const users = [await logUser('a'), await logUser('b')]
    const published = await publishThrough(users, happens)
    expectNothingLost(users, published)
    for (const { provisional, stores } of users) {
      const said = stores.logged.map(({ text }) => text.split(':')[0]?.slice(0, 14))
      if (degrades) {
        expect(provisional.length).toBeGreaterThan(0)
        expect(said).toEqual(['rooms and sess', 'Valkey is unav', 'Valkey is avai'])
      }
    }
  })

  test('repeatedly cut connections with pending answers: no message is lost, doubled or reordered', async () => {
    await empty()
    const relay = await openRelay()
    const users = [await logUser('a', {}, relay.port), await logUser('b')]
    const published = await publishThrough(users, async () => {
      for (let i = 0; i < 8; i++) {
        // The replica's commands reach Valkey, but Valkey's replies are lost.
        relay.holdAnswers()
        await sleep(120)
        relay.cut()
        await sleep(60)
        relay.restore()
        await sleep(250)
      }
    })
    expectNothingLost(users, published)
    expect(users[0]?.provisional.length).toBeGreaterThan(0)
    expect(users[1]?.provisional).toEqual([])
  })

  test('messages wait up to the limit, further ones are refused, and waiting ones are stored later', async () => {
    const relay = await openRelay()
    const a = await logUser('a', { ROOM_OUTBOX_MESSAGES: 50 }, relay.port)
    relay.cut()
    await until('the outage is detected', () => !a.stores.sessions.healthy(), { withinMs: 5_000, everyMs: 10 })
    const outcomes = Array.from({ length: 80 }, (_, i) => a.publish('rum', `waits ${i}`))
    const count = (result: string) => outcomes.filter((answers) => answers[0]?.result === result).length
    expect([a.log.waiting, count('provisional'), count('refused')]).toEqual([50, 50, 30])
    relay.restore()
    await healthy(a)
    expect(outcomes.filter((answers) => answers.at(-1)?.result === 'stored').length).toBe(50)
    expect(a.log.waiting).toBe(0)
    const few = await logUser('b', { ROOM_OUTBOX_BYTES: 1000 }, relay.port)
    relay.cut()
    await until('the outage is detected', () => !few.stores.sessions.healthy(), { withinMs: 5_000, everyMs: 10 })
    const large = Array.from({ length: 3 }, (_, i) => few.publish('rum', `${i}${'x'.repeat(400)}`))
    expect(large.map((answers) => answers[0]?.result)).toEqual(['provisional', 'provisional', 'refused'])
    relay.restore()
    await healthy(few)
  })

  test('a message that is repeated during the outage is delivered once', async () => {
    const relay = await openRelay()
    const a = await logUser('a', {}, relay.port)
    const before = a.publish('tea', `again ${Date.now()}`)
    await until(
      'the message is stored',
      () => before.length === 1 && a.texts.length > 0 && a.log.position >= Number('seq' in (before[0] ?? {}) ? Object(before[0]).seq : 0),
      { withinMs: 5_000, everyMs: 10 },
    )
    relay.cut()
    await until('the outage is detected', () => !a.stores.sessions.healthy(), { withinMs: 5_000, everyMs: 10 })
    const known = a.texts.at(-1) ?? ''
    expect(a.publish('tea', known)).toEqual([{ ...before[0], result: 'duplicate' }])
    const [first, second] = [a.publish('tea', 'fresh'), a.publish('tea', 'fresh')]
    expect(a.provisional).toEqual(['fresh'])
    relay.restore()
    await until('answers', () => first.length === 2 && second.length === 2, { withinMs: 10_000, everyMs: 20 })
    expect([first, second].map((answers) => answers[1]?.result)).toEqual(['stored', 'duplicate'])
  })

  test('a replica starts without Valkey, reports this, and has all messages when Valkey is available', async () => {
    await empty()
    const b = await logUser('b')
    b.publish('tea', 'one')
    await arrived(b, 1)
    const relay = await openRelay()
    relay.cut()
    const stores = await startStores('a', {}, relay.port)
    const startedAt = performance.now()
    const a = await new LogUser(stores.roomLog).start()
    expect(performance.now() - startedAt).toBeLessThan(3000)
    expect([stores.roomLog.healthy(), stores.sessions.healthy(), a.publish('tea', 'two')[0]?.result]).toEqual([false, false, 'provisional'])
    expect(stores.logged.map(({ level }) => level)).toEqual(['error'])
    relay.restore()
    await healthy(a)
    await arrived(a, 2)
    expect(a.texts).toEqual(['one', 'two'])
  })

  test('stopping a replica stores waiting messages, and takes less than a second even when Valkey hangs', async () => {
    const [a, b] = [await logUser('a'), await logUser('b')]
    const texts = Array.from({ length: 500 }, (_, i) => `last ${i} ${Date.now()}`)
    for (const text of texts) a.publish('tea', text)
    await a.stores.stop()
    await until('they arrive', () => b.texts.filter((text) => texts.includes(text)).length === 500, { withinMs: 5_000, everyMs: 10 })
    b.publish('tea', 'never answered')
    await valkey().does('pause')
    try {
      b.publish('tea', 'never answered either')
      const startedAt = performance.now()
      await b.stores.stop()
      expect(performance.now() - startedAt).toBeLessThan(1000)
    } finally {
      await valkey().does('unpause')
    }
  })
})
