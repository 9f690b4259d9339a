/** Rooms across replicas: a real Valkey that is paused, killed, emptied and cut off, and nothing lost, doubled or out of order. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Published } from '../../services/ws/src/room-log.ts'
import { LogUser, roomLogSuite } from '../../services/ws/test/suites/room-log-suite.ts'
import { addFigure } from './lib/figures.ts'
import { empty, logUser, replica, sorted, startStores, useValkey, wire } from './lib/stores.ts'
import { until } from './lib/until.ts'

const valkey = useValkey()

const healthy = (...users: LogUser[]) => until('healthy', () => users.every(({ log }) => log.healthy()), 10_000, 20)
const arrived = (user: LogUser, count: number) => until(`${count} messages arrive`, () => user.messages.length >= count, 15_000, 20)

describe('room log in Valkey', () => {
  roomLogSuite(async () => {
    await empty()
    return (await replica('a')).roomLog
  })
})

describe('one log for all replicas', () => {
  test('everyone sees all messages, in one order, also who comes later', async () => {
    await empty()
    const users = [await logUser('a'), await logUser('b')]
    for (let i = 0; i < 500; i++) for (const [who, user] of users.entries()) user.publish(`room ${i % 3}`, `${who}:${i}`)
    users.push(await logUser('c'))
    await Promise.all(users.map((user) => arrived(user, 1000)))
    const [a, b, c] = users
    expect(b?.messages).toEqual(a?.messages)
    expect(c?.messages).toEqual(a?.messages)
    for (const who of [0, 1]) {
      expect(a?.texts.filter((text) => text.startsWith(`${who}:`))).toEqual(Array.from({ length: 500 }, (_, i) => `${who}:${i}`))
    }
    expect(a?.lost.filter((seq) => seq >= (a.messages[0]?.seq ?? 0))).toEqual([])
  })

  test('a message published twice, at two replicas, is one', async () => {
    const [a, b] = [await logUser('a'), await logUser('b')]
    const text = `twice ${Date.now()}`
    const outcomes = [a.publish('tea', text), b.publish('tea', text)]
    await until('answers', () => outcomes.every(({ length }) => length === 1), 5_000, 10)
    expect(outcomes.map(([outcome]) => outcome?.result).sort()).toEqual(['duplicate', 'stored'])
    expect(new Set(outcomes.map(([outcome]) => outcome && 'seq' in outcome && outcome.seq)).size).toBe(1)
    await arrived(b, 1)
    expect(b.texts.filter((seen) => seen === text)).toEqual([text])
  })

  // How long each took is among the figures; what it may take is an objective of prove's report.
  test('what is published here arrives there, all of it and in order, at 1,000 messages per second', async () => {
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

  test('what the log no longer holds is said to be lost, once and exactly', async () => {
    await empty()
    const cable = await wire()
    const env = { ROOM_LOG_MESSAGES: 1000 }
    const [a, b] = [await logUser('a', env, cable.port), await logUser('b', env)]
    b.publish('tea', 'seen by both')
    await arrived(a, 1)
    a.lost.length = 0
    cable.cut()
    // No faster than b itself reads.
    for (let i = 0; i < 3000; i += 100) {
      for (let n = i; n < i + 100; n++) b.publish('tea', `m ${n}`)
      await arrived(b, i + 101)
    }
    cable.mend()
    await until('a has caught up', () => a.texts.at(-1) === 'm 2999', 10_000, 20)
    const missed = b.messages.filter(({ seq }) => !a.messages.some((message) => message.seq === seq))
    expect(missed.length).toBeGreaterThan(1000)
    expect(a.lost).toEqual([missed.at(-1)?.seq])
    expect(a.messages).toEqual(b.messages.filter((message) => !missed.includes(message)))
  })

  test('when the store has lost everything, places grow on and it is said', async () => {
    await empty()
    const [a, b] = [await logUser('a'), await logUser('b')]
    // As if Valkey's clock had been ahead until now.
    const future = (Date.now() + 60_000) * 1000
    await valkey().cli('HSET', 'lab:log:meta', 'last', String(future))
    a.publish('tea', 'before')
    await Promise.all([arrived(a, 1), arrived(b, 1)])
    const before = b.messages.at(-1)?.seq ?? Number.NaN
    expect(before).toBe(future + 1)
    a.lost.length = b.lost.length = 0
    await empty()
    b.publish('tea', 'after')
    await until('it arrives', () => a.texts.includes('after') && b.texts.includes('after'), 5_000, 10)
    const after = a.messages.at(-1)
    expect(after?.seq).toBeGreaterThan(before)
    expect(after?.offset).toBe(1)
    expect([a.lost.length, b.lost.length]).toEqual([1, 1])
    expect(a.lost[0]).toBeGreaterThanOrEqual(before)
    expect(a.lost[0]).toBeLessThan(after?.seq ?? 0)
  })

  test('the store keeps no more than is said, in number and in bytes', async () => {
    await empty()
    const a = await logUser('a', { ROOM_LOG_MESSAGES: 0, ROOM_LOG_BYTES: 0, MAX_FRAME_BYTES: 65_536 })
    for (let i = 0; i < 300; i += 20) {
      for (let n = i; n < i + 20; n++) a.publish('tea', `${n}:${'x'.repeat(60_000)}`)
      await arrived(a, i + 20)
    }
    // Four megabytes, and what came since it was last looked after.
    const kept = Number(await valkey().cli('XLEN', 'lab:log'))
    expect(kept).toBeGreaterThan(50)
    expect(kept).toBeLessThan(90)
    for (let i = 0; i < 3000; i += 100) {
      for (let n = i; n < i + 100; n++) a.publish('tea', `short ${n}`)
      await arrived(a, i + 400)
    }
    expect(Number(await valkey().cli('XLEN', 'lab:log'))).toBeLessThan(1300)
    expect(a.lost.length).toBeLessThanOrEqual(1)
  })
})

test('keys and rooms outlive one change of generations, not two', async () => {
  await empty()
  const a = await logUser('a')
  const publish = async (text: string) => {
    const told = a.publish('tea', text)
    await until('an answer', () => told.length > 0, 5_000, 5)
    return told[0]?.result
  }
  /** The next message finds the young generations too old. */
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
  await until('an answer', () => elsewhere.length > 0, 5_000, 5)
  await age()
  await publish('e')
  await arrived(a, 6)
  expect(a.messages.at(-1)?.offset).toBe(1)
})

/** Publishes from both, steadily, while something happens, and until both have everything. */
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
  await until('all are answered', () => users.every(({ log }) => log.waiting === 0), 5_000, 10)
  return { texts, outcomes }
}

/** Each message once, in one order, in the sender's order; each answered, and truly. */
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
  }
  const places = new Map(users[0]?.messages.map(({ head, seq }) => [head.toString(), seq]))
  for (const [index, text] of texts.entries()) {
    const told = outcomes[index] ?? []
    expect(told.at(-1), text).toEqual({ result: 'stored', seq: places.get(text) })
    expect(told.slice(0, -1).map(({ result }) => result)).toEqual(told.length === 1 ? [] : ['provisional'])
  }
  // Who was told so was told once.
  const provisional = texts.filter((_, index) => outcomes[index]?.length === 2)
  expect(sorted(users.flatMap((user) => user.provisional))).toEqual(sorted(provisional))
}

describe('Valkey away', () => {
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
  ])('%s: nothing lost, doubled or out of order, and well within 10 s', async (_what, degrades, happens) => {
    await empty()
    const users = [await logUser('a'), await logUser('b')]
    const published = await publishThrough(users, happens)
    expectNothingLost(users, published)
    for (const { provisional, stores } of users) {
      const said = stores.logged.map(({ text }) => text.split(':')[0]?.slice(0, 14))
      if (degrades) {
        expect(provisional.length).toBeGreaterThan(0)
        expect(said).toEqual(['rooms and sess', 'Valkey is away', 'Valkey is back'])
      }
    }
  })

  test('connections are cut again and again, with answers on their way: the same', async () => {
    await empty()
    const cable = await wire()
    const users = [await logUser('a', {}, cable.port), await logUser('b')]
    const published = await publishThrough(users, async () => {
      for (let i = 0; i < 8; i++) {
        // Commands get through, their answers do not.
        cable.hush()
        await sleep(120)
        cable.cut()
        await sleep(60)
        cable.mend()
        await sleep(250)
      }
    })
    expectNothingLost(users, published)
    expect(users[0]?.provisional.length).toBeGreaterThan(0)
    expect(users[1]?.provisional).toEqual([])
  })

  test('as much waits as may, further messages are refused, and what waited is stored', async () => {
    const cable = await wire()
    const a = await logUser('a', { ROOM_OUTBOX_MESSAGES: 50 }, cable.port)
    cable.cut()
    await until('it is seen', () => !a.log.healthy(), 5_000, 10)
    const outcomes = Array.from({ length: 80 }, (_, i) => a.publish('rum', `waits ${i}`))
    const count = (result: string) => outcomes.filter((told) => told[0]?.result === result).length
    expect([a.log.waiting, count('provisional'), count('refused')]).toEqual([50, 50, 30])
    cable.mend()
    await healthy(a)
    expect(outcomes.filter((told) => told.at(-1)?.result === 'stored').length).toBe(50)
    expect(a.log.waiting).toBe(0)
    const few = await logUser('b', { ROOM_OUTBOX_BYTES: 1000 }, cable.port)
    cable.cut()
    await until('it is seen', () => !few.log.healthy(), 5_000, 10)
    const large = Array.from({ length: 3 }, (_, i) => few.publish('rum', `${i}${'x'.repeat(400)}`))
    expect(large.map((told) => told[0]?.result)).toEqual(['provisional', 'provisional', 'refused'])
    cable.mend()
    await healthy(few)
  })

  test('a message that comes again while Valkey is away is shown once', async () => {
    const cable = await wire()
    const a = await logUser('a', {}, cable.port)
    const before = a.publish('tea', `again ${Date.now()}`)
    await until(
      'it is stored',
      () => before.length === 1 && a.texts.length > 0 && a.log.position >= Number('seq' in (before[0] ?? {}) ? Object(before[0]).seq : 0),
      5_000,
      10,
    )
    cable.cut()
    await until('it is seen', () => !a.log.healthy(), 5_000, 10)
    const known = a.texts.at(-1) ?? ''
    expect(a.publish('tea', known)).toEqual([{ ...before[0], result: 'duplicate' }])
    const [first, second] = [a.publish('tea', 'fresh'), a.publish('tea', 'fresh')]
    expect(a.provisional).toEqual(['fresh'])
    cable.mend()
    await until('answers', () => first.length === 2 && second.length === 2, 10_000, 20)
    expect([first, second].map((told) => told[1]?.result)).toEqual(['stored', 'duplicate'])
  })

  test('a replica starts without it, says so, and has everything when it is there', async () => {
    await empty()
    const b = await logUser('b')
    b.publish('tea', 'one')
    await arrived(b, 1)
    const cable = await wire()
    cable.cut()
    const stores = await startStores('a', {}, cable.port)
    const startedAt = performance.now()
    const a = await new LogUser(stores.roomLog).start()
    expect(performance.now() - startedAt).toBeLessThan(3000)
    expect([stores.roomLog.healthy(), stores.sessions.healthy(), a.publish('tea', 'two')[0]?.result]).toEqual([false, false, 'provisional'])
    expect(stores.logged.map(({ level }) => level)).toEqual(['error'])
    cable.mend()
    await healthy(a)
    await arrived(a, 2)
    expect(a.texts).toEqual(['one', 'two'])
  })

  test('stopping stores what waits, and takes no second even when Valkey hangs', async () => {
    const [a, b] = [await logUser('a'), await logUser('b')]
    const texts = Array.from({ length: 500 }, (_, i) => `last ${i} ${Date.now()}`)
    for (const text of texts) a.publish('tea', text)
    await a.stores.stop()
    await until('they arrive', () => b.texts.filter((text) => texts.includes(text)).length === 500, 5_000, 10)
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
