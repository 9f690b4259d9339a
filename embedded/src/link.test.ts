/** A connection over a network that is slow or cut, with real sockets at both ends. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Link, type Weather } from './link.ts'

async function linked() {
  const server = createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [far] = await accepted
  const weather: Weather = { delayMs: 0, cut: false }
  const link = new Link(near, () => weather)
  const at = { near: '', far: '' }
  const ends: string[] = []
  far.on('data', (data) => (at.far += data))
  far.on('end', () => ends.push('far'))
  far.on('error', () => ends.push('far broke'))
  link.on('data', (data) => (at.near += data))
  link.on('end', () => ends.push('near'))
  link.on('error', () => ends.push('near broke'))
  const set = (now: Partial<Weather>) => {
    Object.assign(weather, now)
    link.weatherChanged()
  }
  onTestFinished(() => {
    far.destroy()
    near.destroy()
    server.close()
  })
  return { link, far, near, at, ends, set }
}

/** Long enough for whatever would arrive over loopback. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 150))

test('a whole network passes on what is said, and the end', async () => {
  const { link, far, at, ends } = await linked()
  link.write('hello')
  far.write('welcome')
  await expect.poll(() => at).toEqual({ near: 'welcome', far: 'hello' })
  link.end('bye')
  await expect.poll(() => [at.far, ends]).toEqual(['hellobye', ['far']])
  far.end('so long')
  await expect.poll(() => [at.near, ends]).toEqual(['welcomeso long', ['far', 'near']])
  await expect.poll(() => link.isOver).toBe(true)
})

test('a slow one lets what the far side says arrive later, in order; a faster one does not overtake', async () => {
  const { link, far, at, set } = await linked()
  set({ delayMs: 300 })
  const began = performance.now()
  link.write('at once')
  await expect.poll(() => at.far, { interval: 5 }).toBe('at once')
  expect(performance.now() - began).toBeLessThan(250)
  far.write('one ')
  await quiet()
  far.write('two ')
  await expect.poll(() => at.near, { interval: 5 }).toBe('one ')
  set({ delayMs: 0 })
  far.write('three')
  await expect.poll(() => at.near, { interval: 5 }).toBe('one two three')
})

test('a cut one lets nothing arrive, not even an end; all of it does when it is whole again', async () => {
  const { link, far, at, ends, set } = await linked()
  set({ cut: true })
  link.write('are you there?')
  far.end('I am going')
  await quiet()
  expect([at, ends, link.destroyed]).toEqual([{ near: '', far: '' }, [], false])
  set({ cut: false })
  await expect.poll(() => [at, ends]).toEqual([{ near: 'I am going', far: 'are you there?' }, expect.arrayContaining(['near', 'far'])])
})

test('who gives up over a cut one goes unnoticed until it is whole again', async () => {
  const { link, far, near, ends, set } = await linked()
  set({ cut: true })
  link.destroy()
  await quiet()
  expect([ends, near.destroyed, far.destroyed]).toEqual([[], false, false])
  set({ cut: false })
  await expect.poll(() => ends).toEqual(['far'])
  expect(link.isOver).toBe(true)
})

test('what waits is bounded: a sender that nobody reads is made to wait', async () => {
  const { link, far, at, set } = await linked()
  set({ cut: true })
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let accepted = 0
  for (let n = 0; n < 2_000 && link.write(chunk, () => accepted++); n++) await new Promise(setImmediate)
  expect(accepted).toBeLessThan(10)
  let sent = 0
  for (let n = 0; n < 2_000; n++) far.write(chunk, () => sent++)
  await quiet()
  // 128 MB in all; what the kernel keeps between them is a few.
  expect(sent).toBeLessThan(500)
  set({ cut: false })
  await expect.poll(() => at.near.length, { timeout: 20_000 }).toBe(2_000 * chunk.length)
})

test('a far side that breaks breaks the near one', async () => {
  const { far, link, ends } = await linked()
  link.write('hello')
  far.resetAndDestroy()
  await expect.poll(() => ends).toContain('near broke')
  expect(link.destroyed).toBe(true)
})
