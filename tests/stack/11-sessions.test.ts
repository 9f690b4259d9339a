/** Tests sessions and the replica table with a real Valkey that becomes unavailable and then returns. */
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@lab/host/until.ts'
import { presenceSuite } from '@lab/ws/test/suites/presence-suite.ts'
import { LogUser } from '@lab/ws/test/suites/room-log-suite.ts'
import { sessionRecord, sessionStoreSuite } from '@lab/ws/test/suites/session-store-suite.ts'
import { sharedStoreSuite } from '@lab/ws/test/suites/shared-store-suite.ts'
import type { TestStores } from '@lab/ws/test/suites/stores-on.ts'
import { describe, expect, test } from 'vitest'
import { cleanUpBy, empty, openRelay, replica, sorted, startStores, useValkey } from './lib/stores.ts'

const valkey = useValkey()

test('a newly started replica can take sessions over at once', async () => {
  const relay = await openRelay()
  relay.cut()
  const stores = await startStores('a', {}, relay.port)
  // After five failed attempts, the session connection waits a long time before it tries again. The room log's reader, by contrast,
  // connects as soon as it starts.
  await until('several attempts', () => relay.dials() >= 5, { withinMs: 10_000, everyMs: 10 })
  relay.restore()
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

describe('several replicas on one Valkey', () => {
  sharedStoreSuite({ empty, replica })
})

describe('sessions across replicas', () => {
  test('writes of a former owner have no effect, and notify it that it has lost the session', async () => {
    const relay = await openRelay()
    const [a, b] = [await replica('a', {}, relay.port), await replica('b')]
    const taken: string[] = []
    a.sessions.onTaken((id) => void taken.push(id))
    const ids = ['save', 'hold', 'end', 'ended there'].map((what) => `${what} ${Date.now()}`)
    for (const id of ids) await a.sessions.save(sessionRecord(id))
    // While replica a is disconnected from Valkey, it is not notified that replica b has taken over its sessions.
    relay.cut()
    await until('the outage is detected', () => !a.sessions.healthy(), { withinMs: 5_000, everyMs: 10 })
    for (const id of ids) expect(await b.sessions.take(id, 0)).toEqual(sessionRecord(id))
    const [save = '', hold = '', end = '', endedThere = ''] = ids
    b.sessions.end(endedThere)
    const changed = (id: string) => ({ ...sessionRecord(id), rooms: ['somewhere else'] })
    expect(await a.sessions.save(changed(save))).toBe(false)
    expect(await a.sessions.save(changed(endedThere))).toBe(false)
    a.sessions.hold(changed(hold))
    a.sessions.end(end)
    relay.restore()
    await until('a is notified', () => taken.length === 2, { withinMs: 10_000, everyMs: 20 })
    expect(sorted(taken)).toEqual(sorted([save, endedThere]))
    const c = await replica('c')
    for (const id of [save, hold, end]) expect(await c.sessions.take(id, 0)).toEqual(sessionRecord(id))
    expect(await c.sessions.take(endedThere, 0)).toBe(undefined)
  })

  test('an outage of Valkey is reported, and changes are stored after it', async () => {
    const relay = await openRelay()
    const [a, b] = [await replica('a', {}, relay.port), await replica('b')]
    relay.holdAnswers()
    const [open, ended] = [sessionRecord(`open ${Date.now()}`), sessionRecord(`ended ${Date.now()}`)]
    const startedAt = performance.now()
    expect(await a.sessions.save(open)).toBe(false)
    expect(performance.now() - startedAt).toBeLessThan(1900)
    await expect(a.sessions.take('unknown', 0)).rejects.toThrow('not connected')
    expect(a.sessions.healthy()).toBe(false)
    await a.sessions.save(ended)
    a.sessions.hold({ ...open, rooms: ['milk'] })
    a.sessions.end(ended.id)
    relay.restore()
    await until('a is connected again', () => a.sessions.healthy(), { withinMs: 10_000, everyMs: 20 })
    await until('the change is stored', async () => (await valkey().cli('EXISTS', `lab:session:${open.id}`)) === '1', {
      withinMs: 5_000,
      everyMs: 20,
    })
    expect(await b.sessions.take(open.id, 0)).toEqual({ ...open, rooms: ['milk'] })
    expect(await b.sessions.take(ended.id, 0)).toBe(undefined)
  })

  test('an open session expires when its replica is silent too long, and a waiting one after the resume window', async () => {
    const a = await replica('a', { RESUME_WINDOW: 60_000, HEARTBEAT_INTERVAL: 10_000 })
    const id = `lives ${Date.now()}`
    const msToLive = async () => Number(await valkey().cli('PTTL', `lab:session:${id}`))
    await a.sessions.save(sessionRecord(id))
    expect(Math.abs((await msToLive()) - 80_000)).toBeLessThan(5_000)
    a.sessions.hold(sessionRecord(id))
    await until('held', async () => (await msToLive()) <= 60_000, { withinMs: 5_000 })
    expect(await msToLive()).toBeGreaterThan(50_000)
  })
})

describe('the table of replicas', () => {
  const load = (id: string, connections: number) => ({ id, state: 'ready' as const, connections })

  test('lists all replicas, and counts room members of live replicas only', async () => {
    await empty()
    const relay = await openRelay()
    const [a, b, c] = [await replica('a'), await replica('b', {}, relay.port), await replica('c')]
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
    await until('all are known', () => all.every((store) => ids(store).join() === 'a1,b2,c3'), { withinMs: 5_000, everyMs: 20 })
    for (const [index, store] of all.entries()) store.presence.set('tea', index + 1)
    await until('all are counted', async () => (await Promise.all(all.map(({ presence }) => presence.total('tea')))).join() === '6,6,6', {
      withinMs: 5_000,
      everyMs: 20,
    })

    await c.stop()
    await until('the stopped replica is removed at once', async () => ids(a).join() === 'a1,b2' && (await a.presence.total('tea')) === 3, {
      withinMs: 2_500,
      everyMs: 20,
    })

    const cutAt = performance.now()
    relay.cut()
    await until('one that is silent is gone', async () => ids(a).join() === 'a1' && (await a.presence.total('tea')) === 1, {
      withinMs: 8_000,
      everyMs: 20,
    })
    expect(performance.now() - cutAt).toBeGreaterThan(3_000)
    // Replica b, which is disconnected from Valkey, is still in its own replica table and counts its own two members.
    expect([ids(b).join(), await b.presence.total('tea')]).toEqual(['b2', 2])

    relay.restore()
    await until('it is back', async () => ids(a).join() === 'a1,b2' && (await a.presence.total('tea')) === 3, {
      withinMs: 10_000,
      everyMs: 20,
    })
    expect(await b.presence.total('tea')).toBe(3)
    // After Valkey has been emptied, the replicas store their room members again.
    await empty()
    await until('counted again', async () => (await Promise.all([a, b].map(({ presence }) => presence.total('tea')))).join() === '3,3', {
      withinMs: 5_000,
      everyMs: 20,
    })
  })
})
