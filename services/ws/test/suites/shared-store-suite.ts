/** The test suite for stores that several replicas share. */
import { until } from '@lab/host/until.ts'
import { expect, onTestFinished, test } from 'vitest'
import type { Stores } from '../../src/stores.ts'
import { LogUser } from './room-log-suite.ts'
import { sessionRecord } from './session-store-suite.ts'

export interface SharedStore {
  /** Deletes all data in the store. */
  empty(): Promise<void>
  /** Returns a replica's stores, already connected. The stores are stopped after the test. */
  replica(id: string): Promise<Stores>
}

export function sharedStoreSuite({ empty, replica }: SharedStore): void {
  const arrived = (user: LogUser, count: number) =>
    until(`${count} messages arrive`, () => user.messages.length >= count, { withinMs: 15_000, everyMs: 20 })
  const logUser = async (id: string) => new LogUser((await replica(id)).roomLog).start()

  test('all replicas receive all messages in one order, even a late one', async () => {
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

  test('a message that two replicas publish is stored once', async () => {
    const [a, b] = [await logUser('a'), await logUser('b')]
    const text = `twice ${Date.now()}`
    const outcomes = [a.publish('tea', text), b.publish('tea', text)]
    await until('answers', () => outcomes.every(({ length }) => length === 1), { withinMs: 5_000, everyMs: 10 })
    expect(outcomes.map(([outcome]) => outcome?.result).sort()).toEqual(['duplicate', 'stored'])
    expect(new Set(outcomes.map(([outcome]) => outcome && 'seq' in outcome && outcome.seq)).size).toBe(1)
    await arrived(b, 1)
    expect(b.texts.filter((seen) => seen === text)).toEqual([text])
  })

  test('a session that is open, waits or belongs to a failed replica can be taken, and its former owner is notified', async () => {
    const [a, b] = [await replica('a'), await replica('b')]
    const taken: string[] = []
    a.sessions.onTaken((id) => void taken.push(id))
    const [open, waiting] = [sessionRecord(`open ${Date.now()}`), sessionRecord(`waiting ${Date.now()}`)]
    await a.sessions.save(open)
    a.sessions.hold(waiting)
    await a.sessions.save({ ...open, ackedSeq: 9 })
    expect(await b.sessions.take(open.id, 0)).toEqual({ ...open, ackedSeq: 9 })
    expect(await b.sessions.take(waiting.id, 0)).toEqual(waiting)
    await until('a is notified', () => taken.length > 0 && a.sessions.held === 0, { withinMs: 5_000, everyMs: 10 })
    expect(taken).toEqual([open.id])
  })

  test('if several replicas take a session at the same time, one has it in the end and the others are notified', async () => {
    const stores = await Promise.all(['a', 'b', 'c', 'd'].map((id) => replica(id)))
    for (let round = 0; round < 20; round++) {
      const id = `race ${round} ${Date.now()}`
      const lost = new Set<Stores>()
      for (const store of stores) store.sessions.onTaken((which) => void (which === id && lost.add(store)))
      await stores[0]?.sessions.save(sessionRecord(id))
      const found = await Promise.all(stores.slice(1).map(({ sessions }) => sessions.take(id, 0)))
      expect(found.filter((record) => record !== undefined).length).toBeGreaterThan(0)
      await until('three have lost it', () => lost.size === 3, { withinMs: 5_000, everyMs: 5 })
      const winner = stores.find((store) => !lost.has(store))
      expect(winner).not.toBe(stores[0])
      const mine = await Promise.all(stores.map(({ sessions }) => sessions.save(sessionRecord(id))))
      expect(stores.filter((_, index) => mine[index])).toEqual([winner])
    }
  })

  test('replicas find each other, members of rooms are counted over all, and a leaving replica is removed at once', async () => {
    await empty()
    const all = [await replica('a'), await replica('b')]
    const announce = () => {
      for (const [index, { replicas }] of all.entries())
        replicas.announce({ id: 'ab'[index] ?? '', state: 'ready', connections: index + 1 })
    }
    const known = ({ replicas }: Stores) => replicas.all().map(({ id, connections }) => `${id}${connections}`)
    const counted = async () => (await Promise.all(all.map(({ presence }) => presence.total('tea')))).join()
    const bounds = { withinMs: 10_000, everyMs: 50 }
    const announcing = setInterval(announce, 200)
    onTestFinished(() => clearInterval(announcing))
    await until('both are known', () => all.every((stores) => known(stores).sort().join() === 'a1,b2'), bounds)
    for (const [index, { presence }] of all.entries()) presence.set('tea', index + 1)
    await until('members are counted', async () => (await counted()) === '3,3', bounds)
    const [a, b] = all
    await b?.stop()
    await until('b is gone', () => a !== undefined && known(a).join() === 'a1', bounds)
    expect(await a?.presence.total('tea')).toBe(1)
  })

  test('the store reports its statistics', async () => {
    const a = await replica('a')
    const stats = await until('it has answered', () => a.stats(), { withinMs: 8_000 })
    expect(stats.clients).toBeGreaterThanOrEqual(1)
    expect(stats.memoryBytes).toBeGreaterThan(100_000)
    expect(stats.commands).toBeGreaterThan(0)
  })
}
