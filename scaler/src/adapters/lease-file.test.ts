/** Tests that only one of several scalers with one state folder acts, and that another one takes over. */
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { leaseSeconds } from '../lease.ts'
import type { Clock } from '../ports.ts'
import { leaseFile, leasePath, readScalers, whileHolding } from './lease-file.ts'

let folder = ''
let now = 1_700_000_000
/** A clock whose time passes only in the test; a sleep takes a few milliseconds. */
const clock: Clock = { nowSeconds: () => now, sleep: () => new Promise((resolve) => setTimeout(resolve, 5)) }
const stops: AbortController[] = []
const ends: Promise<void>[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lease-'))
  now = 1_700_000_000
})
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort()
  await Promise.all(ends.splice(0))
  await rm(folder, { recursive: true })
})

/** Starts a scaler that only waits while it holds the lease. */
function scaler(name: string) {
  const stop = new AbortController()
  const seen = { name, stop, acting: false, said: [] as string[], lease: leaseFile(folder, clock, name), ended: Promise.resolve() }
  const task = (until: AbortSignal) =>
    new Promise<void>((resolve) => {
      seen.acting = true
      until.addEventListener('abort', () => {
        seen.acting = false
        resolve()
      })
    })
  seen.ended = whileHolding(seen.lease, task, clock, { changed: () => {}, say: (line) => seen.said.push(line) }, stop.signal)
  stops.push(stop)
  ends.push(seen.ended)
  return seen
}
const wait = { timeout: 10_000, interval: 5 }

test('the second scaler stands by, says so, and takes over when the first one ends', async () => {
  const first = scaler('first')
  await vi.waitFor(() => expect(first.acting).toBe(true), wait)
  const second = scaler('second')
  await vi.waitFor(async () => expect(await readScalers(folder, now)).toEqual({ acting: 'first', standingBy: 'second' }), wait)
  expect(second.said).toEqual(['standing by: first scales this project; this scaler takes over within 17 s after it ends'])
  expect(second.acting).toBe(false)
  first.stop.abort()
  await vi.waitFor(() => expect(second.acting).toBe(true), wait)
  expect(await readScalers(folder, now)).toEqual({ acting: 'second' })
})

test('a lease that is not renewed expires, and the frozen holder stops acting', async () => {
  const frozen = leaseFile(folder, clock, 'frozen')
  expect(await frozen.take()).toBeNull()
  const other = leaseFile(folder, clock, 'other')
  now += leaseSeconds
  expect(await other.take()).toBe('frozen')
  now += 1
  expect(await other.take()).toBeNull()
  expect(await frozen.take()).toBe('other')
  await frozen.release()
  expect(await other.take()).toBeNull()
})

test('a holder that cannot renew its lease stops acting before the lease expires, and takes it again later', async () => {
  const one = scaler('one')
  await vi.waitFor(() => expect(one.acting).toBe(true), wait)
  await writeFile(leasePath(folder), JSON.stringify({ holder: 'thief', renewedSeconds: now + leaseSeconds }))
  now += leaseSeconds - 1
  await vi.waitFor(() => expect(one.acting).toBe(false), wait)
  now += 2 * leaseSeconds + 2
  await vi.waitFor(() => expect(one.acting).toBe(true), wait)
  expect(one.said).toContain('this scaler has lost its lease')
})

test('of many scalers that start at the same moment, exactly one acts', async () => {
  const all = Array.from({ length: 12 }, (_, i) => scaler(`scaler-${i}`))
  await vi.waitFor(() => expect(all.filter(({ acting }) => acting)).toHaveLength(1), wait)
  await vi.waitFor(() => expect(all.filter(({ said }) => said.length > 0)).toHaveLength(11), wait)
  expect(all.filter(({ acting }) => acting)).toHaveLength(1)
})

test('a scaler that cannot write its state folder says so and acts', async () => {
  const stop = new AbortController()
  const said: string[] = []
  await writeFile(join(folder, 'file'), '')
  const lease = leaseFile(join(folder, 'file'), clock, 'a')
  const acted = new Promise<void>((resolve) => {
    void whileHolding(lease, async () => resolve(stop.abort()), clock, { changed: () => {}, say: (line) => said.push(line) }, stop.signal)
  })
  await acted
  expect(said[0]).toMatch(/^the lease cannot be used, so this scaler acts without it: E(EXIST|NOTDIR)/)
})

test('a restarted scaler continues with its own lease, and a file with other content is no lease', async () => {
  await writeFile(leasePath(folder), '{"holder":')
  expect(await leaseFile(folder, clock, 'a').take()).toBeNull()
  expect(await leaseFile(folder, clock, 'a').take()).toBeNull()
})

test('a claim that a killed scaler left behind is removed', async () => {
  const claim = `${leasePath(folder)}.claim`
  await writeFile(claim, '')
  await utimes(claim, 1, 1)
  const lease = leaseFile(folder, clock, 'a')
  await lease.take()
  expect(await lease.take()).toBeNull()
  expect(await readdir(folder)).toEqual(['lease.json'])
})
