/** Tests a connection over a slow or cut network, with real sockets at both ends. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type NetworkState, SimulatedConnection } from './simulated-connection.ts'

async function connected() {
  const server = createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [far] = await accepted
  const networkState: NetworkState = { delayMs: 0, cut: false }
  const connection = new SimulatedConnection(near, () => networkState)
  const at = { near: '', far: '' }
  const ends: string[] = []
  far.on('data', (data) => (at.far += data))
  far.on('end', () => ends.push('far'))
  far.on('error', () => ends.push('far broke'))
  connection.on('data', (data) => (at.near += data))
  connection.on('end', () => ends.push('near'))
  connection.on('error', () => ends.push('near broke'))
  const set = (now: Partial<NetworkState>) => {
    Object.assign(networkState, now)
    connection.networkChanged()
  }
  onTestFinished(() => {
    far.destroy()
    near.destroy()
    server.close()
  })
  return { connection, far, near, at, ends, set }
}

/** Waits long enough for data to arrive over loopback. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 150))

test('a normal network delivers data and the end of the connection', async () => {
  const { connection, far, at, ends } = await connected()
  connection.write('hello')
  far.write('welcome')
  await expect.poll(() => at).toEqual({ near: 'welcome', far: 'hello' })
  connection.end('bye')
  await expect.poll(() => [at.far, ends]).toEqual(['hellobye', ['far']])
  far.end('so long')
  await expect.poll(() => [at.near, ends]).toEqual(['welcomeso long', ['far', 'near']])
  await expect.poll(() => connection.isOver).toBe(true)
})

test('a slow network delays data from the replica and keeps its order, also when it becomes faster', async () => {
  const { connection, far, at, set } = await connected()
  set({ delayMs: 300 })
  const began = performance.now()
  connection.write('at once')
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

test('a cut network delivers nothing, not even an end, until it is restored', async () => {
  const { connection, far, at, ends, set } = await connected()
  set({ cut: true })
  connection.write('are you there?')
  far.end('I am going')
  await quiet()
  expect([at, ends, connection.destroyed]).toEqual([{ near: '', far: '' }, [], false])
  set({ cut: false })
  await expect.poll(() => [at, ends]).toEqual([{ near: 'I am going', far: 'are you there?' }, expect.arrayContaining(['near', 'far'])])
})

test('the far side of a cut network notices a destroyed connection only when the network is restored', async () => {
  const { connection, far, near, ends, set } = await connected()
  set({ cut: true })
  connection.destroy()
  await quiet()
  expect([ends, near.destroyed, far.destroyed]).toEqual([[], false, false])
  set({ cut: false })
  await expect.poll(() => ends).toEqual(['far'])
  expect(connection.isOver).toBe(true)
})

test('the queue is bounded: the sender has to wait if the other side does not read', async () => {
  const { connection, far, at, set } = await connected()
  set({ cut: true })
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let accepted = 0
  for (let n = 0; n < 2_000 && connection.write(chunk, () => accepted++); n++) await new Promise(setImmediate)
  expect(accepted).toBeLessThan(10)
  let sent = 0
  for (let n = 0; n < 2_000; n++) far.write(chunk, () => sent++)
  await quiet()
  // The sender cannot send all 128 MB at once, because the kernel buffers only a few MB.
  expect(sent).toBeLessThan(500)
  set({ cut: false })
  await expect.poll(() => at.near.length, { timeout: 20_000 }).toBe(2_000 * chunk.length)
})

test('a reset by the far side destroys the connection', async () => {
  const { far, connection, ends } = await connected()
  connection.write('hello')
  far.resetAndDestroy()
  await expect.poll(() => ends).toContain('near broke')
  expect(connection.destroyed).toBe(true)
})
