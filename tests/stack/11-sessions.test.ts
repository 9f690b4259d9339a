/** Sessions across replicas, and who else there is: on a real Valkey that goes away and comes back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { presenceSuite } from '../../services/ws/test/suites/presence-suite.ts'
import { LogUser } from '../../services/ws/test/suites/room-log-suite.ts'
import { sessionRecord, sessionStoreSuite } from '../../services/ws/test/suites/session-store-suite.ts'
import { cleanUpBy, empty, replica, sorted, startStores, useValkey, wire } from './lib/stores.ts'
import { until } from './lib/until.ts'
import type { TestStores } from './lib/valkey.ts'

const valkey = useValkey()

test('a replica that has started can take sessions over at once', async () => {
  const line = await wire()
  line.cut()
  const stores = await startStores('a', {}, line.port)
  // By now it waits long before the next attempt, while the reader of the room log will connect at once.
  await until('several attempts', () => line.dials() >= 5, 10_000, 10)
  line.mend()
  await new LogUser(stores.roomLog).start()
  expect(stores.sessions.healthy()).toBe(true)
})

describe('sessions in Valkey', () => {
  sessionStoreSuite(async ({ windowMs, limit }) => {
    await empty()
    const { sessions: store } = await replica('a', { RESUME_WINDOW: windowMs, MAX_HELD_SESSIONS: limit })
    const pass = async (ms: number) => {
      await sleep(ms)
      store.tick(performance.now())
    }
    return { store, pass }
  })
})

describe('presence in Valkey', () => {
  presenceSuite(async () => {
    await empty()
    const { presence } = await replica('a')
    return { presence, stop: async () => {} }
  })
})

describe('sessions across replicas', () => {
  test('one that is open, waits or was left by a dead replica is taken, and its former owner hears of it', async () => {
    const [a, b] = [await replica('a'), await replica('b')]
    const taken: string[] = []
    a.sessions.onTaken((id) => void taken.push(id))
    const [open, waiting] = [sessionRecord(`open ${Date.now()}`), sessionRecord(`waiting ${Date.now()}`)]
    await a.sessions.save(open)
    a.sessions.hold(waiting)
    await a.sessions.save({ ...open, ackedSeq: 9 })
    expect(await b.sessions.take(open.id)).toEqual({ ...open, ackedSeq: 9 })
    expect(await b.sessions.take(waiting.id)).toEqual(waiting)
    await until('a hears', () => taken.length > 0 && a.sessions.held === 0, 5_000, 10)
    expect(taken).toEqual([open.id])
  })

  test('what a former owner writes has no effect, and it hears of it at the latest then', async () => {
    const cable = await wire()
    const [a, b] = [await replica('a', {}, cable.port), await replica('b')]
    const taken: string[] = []
    a.sessions.onTaken((id) => void taken.push(id))
    const ids = ['save', 'hold', 'end', 'ended there'].map((what) => `${what} ${Date.now()}`)
    for (const id of ids) await a.sessions.save(sessionRecord(id))
    // Out of earshot.
    cable.cut()
    await until('it is seen', () => !a.sessions.healthy(), 5_000, 10)
    for (const id of ids) expect(await b.sessions.take(id)).toEqual(sessionRecord(id))
    const [save = '', hold = '', end = '', endedThere = ''] = ids
    b.sessions.end(endedThere)
    const changed = (id: string) => ({ ...sessionRecord(id), rooms: ['somewhere else'] })
    expect(await a.sessions.save(changed(save))).toBe(false)
    expect(await a.sessions.save(changed(endedThere))).toBe(false)
    a.sessions.hold(changed(hold))
    a.sessions.end(end)
    cable.mend()
    await until('a hears', () => taken.length === 2, 10_000, 20)
    expect(sorted(taken)).toEqual(sorted([save, endedThere]))
    const c = await replica('c')
    for (const id of [save, hold, end]) expect(await c.sessions.take(id)).toEqual(sessionRecord(id))
    expect(await c.sessions.take(endedThere)).toBe(undefined)
  })

  test('of many that take one at the same time, one has it in the end and all others know', async () => {
    const stores = await Promise.all(['a', 'b', 'c', 'd'].map((id) => replica(id)))
    for (let round = 0; round < 20; round++) {
      const id = `race ${round} ${Date.now()}`
      const lost = new Set<TestStores>()
      for (const store of stores) store.sessions.onTaken((which) => void (which === id && lost.add(store)))
      await stores[0]?.sessions.save(sessionRecord(id))
      const found = await Promise.all(stores.slice(1).map(({ sessions }) => sessions.take(id)))
      expect(found.filter((record) => record !== undefined).length).toBeGreaterThan(0)
      await until('three have lost it', () => lost.size === 3, 5_000, 5)
      const winner = stores.find((store) => !lost.has(store))
      expect(winner).not.toBe(stores[0])
      const mine = await Promise.all(stores.map(({ sessions }) => sessions.save(sessionRecord(id))))
      expect(stores.filter((_, index) => mine[index])).toEqual([winner])
    }
  })

  test('while Valkey is away it is said, and what changed is stored when it is back', async () => {
    const cable = await wire()
    const [a, b] = [await replica('a', {}, cable.port), await replica('b')]
    cable.hush()
    const [kept, ended] = [sessionRecord(`kept ${Date.now()}`), sessionRecord(`ended ${Date.now()}`)]
    const startedAt = performance.now()
    expect(await a.sessions.save(kept)).toBe(false)
    expect(performance.now() - startedAt).toBeLessThan(1900)
    await expect(a.sessions.take('whoever')).rejects.toThrow('away')
    expect(a.sessions.healthy()).toBe(false)
    await a.sessions.save(ended)
    a.sessions.hold({ ...kept, rooms: ['milk'] })
    a.sessions.end(ended.id)
    cable.mend()
    await until('back', () => a.sessions.healthy(), 10_000, 20)
    await until('stored', async () => (await valkey().cli('EXISTS', `lab:session:${kept.id}`)) === '1', 5_000, 20)
    expect(await b.sessions.take(kept.id)).toEqual({ ...kept, rooms: ['milk'] })
    expect(await b.sessions.take(ended.id)).toBe(undefined)
  })

  test('an open one lives as long as its replica may be silent, one that waits as long as the window', async () => {
    const a = await replica('a', { RESUME_WINDOW: 60_000, HEARTBEAT_INTERVAL: 10_000 })
    const id = `lives ${Date.now()}`
    const msToLive = async () => Number(await valkey().cli('PTTL', `lab:session:${id}`))
    await a.sessions.save(sessionRecord(id))
    expect(Math.abs((await msToLive()) - 80_000)).toBeLessThan(5_000)
    a.sessions.hold(sessionRecord(id))
    await until('held', async () => (await msToLive()) <= 60_000, 5_000)
    expect(await msToLive()).toBeGreaterThan(50_000)
  })
})

describe('who else there is', () => {
  const load = (id: string, connections: number) => ({ id, state: 'ready' as const, connections })

  test('replicas know each other, and members of rooms are counted over those that live', async () => {
    await empty()
    const cable = await wire()
    const [a, b, c] = [await replica('a'), await replica('b', {}, cable.port), await replica('c')]
    const all = [a, b, c]
    const announcing = setInterval(() => {
      for (const [index, store] of all.entries()) store.replicas.announce(load('abc'[index] ?? '', index + 1))
    }, 500)
    cleanUpBy(() => clearInterval(announcing))
    const ids = (store: TestStores) =>
      store.replicas
        .all()
        .map(({ id, connections }) => `${id}${connections}`)
        .sort()
    await until('all are known', () => all.every((store) => ids(store).join() === 'a1,b2,c3'), 5_000, 20)
    for (const [index, store] of all.entries()) store.presence.set('tea', index + 1)
    await until(
      'all are counted',
      async () => (await Promise.all(all.map(({ presence }) => presence.total('tea')))).join() === '6,6,6',
      5_000,
      20,
    )

    await c.stop()
    await until(
      'one that leaves is gone at once',
      async () => ids(a).join() === 'a1,b2' && (await a.presence.total('tea')) === 3,
      2_500,
      20,
    )

    const cutAt = performance.now()
    cable.cut()
    await until('one that is silent is gone', async () => ids(a).join() === 'a1' && (await a.presence.total('tea')) === 1, 8_000, 20)
    expect(performance.now() - cutAt).toBeGreaterThan(3_000)
    // It goes on with what it knows itself.
    expect([ids(b).join(), await b.presence.total('tea')]).toEqual(['b2', 2])

    cable.mend()
    await until('it is back', async () => ids(a).join() === 'a1,b2' && (await a.presence.total('tea')) === 3, 10_000, 20)
    expect(await b.presence.total('tea')).toBe(3)
    // Nor does an emptied Valkey stay so.
    await empty()
    await until(
      'counted again',
      async () => (await Promise.all([a, b].map(({ presence }) => presence.total('tea')))).join() === '3,3',
      5_000,
      20,
    )
  })

  test('Valkey says how it is', async () => {
    const a = await replica('a')
    const stats = await until('it has answered', () => a.stats(), 8_000)
    expect(stats.clients).toBeGreaterThanOrEqual(1)
    expect(stats.memoryBytes).toBeGreaterThan(100_000)
    expect(stats.commands).toBeGreaterThan(0)
  })
})
