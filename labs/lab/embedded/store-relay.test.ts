/** Tests the relay in front of a Valkey server that the lab did not start. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { relayTo } from './store-relay.ts'

/** Sends a line and returns the reply; undefined if the connection closes before a reply arrives. */
async function ask(url: string, line: string): Promise<string | undefined> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(line))
  onTestFinished(() => void socket.destroy())
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(String(data)))
    socket.once('error', () => resolve(undefined))
    socket.once('close', () => resolve(undefined))
  })
}

test('a relay forwards, cuts connections, and forwards again', async () => {
  const echo = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  onTestFinished(() => void echo.close())
  const relay = await relayTo(`valkey://user:secret@127.0.0.1:${(echo.address() as { port: number }).port}`)
  onTestFinished(() => relay.end())
  expect(relay.url).toMatch(/^valkey:\/\/user:secret@127\.0\.0\.1:\d+$/)
  expect(await ask(relay.url, 'hello')).toBe('hello')
  const inside = connect(Number(new URL(relay.url).port), '127.0.0.1')
  await once(inside, 'connect')
  inside.write('there')
  await once(inside, 'data')
  const cut = once(inside, 'close')
  await relay.set(false)
  await cut
  expect(await ask(relay.url, 'hello')).toBeUndefined()
  await relay.set(true)
  expect(await ask(relay.url, 'again')).toBe('again')
})

test('a relay whose target does not answer closes the connections that it accepts', async () => {
  const relay = await relayTo('valkey://127.0.0.1:1')
  onTestFinished(() => relay.end())
  expect(await ask(relay.url, 'hello')).toBeUndefined()
})
