/** A Valkey that a scene can take away: one of its own, or somebody else's behind a door. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findValkey, startValkey } from '../../embedded/src/valkey-server.ts'
import { openDoor } from './valkey-door.ts'

/** What comes back for a line; undefined when the connection ends first. */
async function ask(url: string, line: string): Promise<string | undefined> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(line))
  onTestFinished(() => void socket.destroy())
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(String(data)))
    socket.once('error', () => resolve(undefined))
    socket.once('close', () => resolve(undefined))
  })
}

test('a door lets through, cuts off, and lets through again', async () => {
  const echo = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  onTestFinished(() => void echo.close())
  const door = await openDoor(`valkey://user:secret@127.0.0.1:${(echo.address() as { port: number }).port}`)
  onTestFinished(() => door.end())
  expect(door.url).toMatch(/^valkey:\/\/user:secret@127\.0\.0\.1:\d+$/)
  expect(await ask(door.url, 'hello')).toBe('hello')
  const inside = connect(Number(new URL(door.url).port), '127.0.0.1')
  await once(inside, 'connect')
  inside.write('there')
  await once(inside, 'data')
  const cut = once(inside, 'close')
  await door.set(false)
  await cut
  expect(await ask(door.url, 'hello')).toBeUndefined()
  await door.set(true)
  expect(await ask(door.url, 'again')).toBe('again')
})

test('a door before nothing closes what comes', async () => {
  const door = await openDoor('valkey://127.0.0.1:1')
  onTestFinished(() => door.end())
  expect(await ask(door.url, 'hello')).toBeUndefined()
})

const program = findValkey() ?? ''

test.skipIf(program === '')('a Valkey of its own comes back with what it knew, and says nothing while it is away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'valkey-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const pids: (number | undefined)[] = []
  const valkey = await startValkey(program, folder, ({ pid }) => void pids.push(pid))
  onTestFinished(() => valkey.end())
  expect(await ask(valkey.url, 'SET lab 7\r\n')).toBe('+OK\r\n')
  await valkey.set(false)
  await valkey.set(false)
  expect(await ask(valkey.url, 'GET lab\r\n')).toBeUndefined()
  await valkey.set(true)
  await valkey.set(true)
  expect(await ask(valkey.url, 'GET lab\r\n')).toBe('$1\r\n7\r\n')
  expect(pids).toHaveLength(2)
})
