/** Tests the router in front of real replicas. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { paths, replicaHeader, stickyCookie } from '@lab/contract/endpoints.ts'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { Network } from './network.ts'
import { cookieValue, Pool } from './pool.ts'
import { Replicas } from './replicas.ts'
import { startRouter } from './router.ts'

async function lab(count: number) {
  const said: string[] = []
  const env = { DRAIN_DELAY: '0', DRAIN_TIMEOUT: '1000', LAST_SCRAPE_TIMEOUT: '0', LOG_LEVEL: 'info' }
  const network = new Network()
  const isCut = (id: string) => network.isCut(id)
  const replicas = new Replicas({ env, drainTimeoutMs: 1_000, isCut, say: (line) => said.push(line) })
  onTestFinished(() => replicas.end(true))
  await replicas.add(count)
  const router = await startRouter(
    0,
    () => replicas.serving(),
    network,
    (line) => said.push(line),
  )
  onTestFinished(() => router.close())
  return { replicas, router, network, said, http: `http://127.0.0.1:${router.port}`, ws: `ws://127.0.0.1:${router.port}` }
}

interface Opened {
  socket: WebSocket
  replica: string
  cookie: string | undefined
}

function open(url: string, cookie?: string): Promise<Opened> {
  const socket = new WebSocket(url + paths.ws, cookie === undefined ? {} : { headers: { cookie: `${stickyCookie}=${cookie}` } })
  return new Promise((resolve, reject) => {
    let opened: Partial<Opened> = {}
    socket.once('upgrade', ({ headers }) => {
      const [set] = headers['set-cookie'] ?? []
      opened = { socket, replica: String(headers[replicaHeader]), cookie: set === undefined ? undefined : cookieValue(set, stickyCookie) }
    })
    socket.once('open', () => resolve(opened as Opened))
    socket.once('error', reject)
  })
}

test('new clients are spread round robin, and a client with a cookie returns to its replica, with plain requests too', async () => {
  const { http, ws, router } = await lab(2)
  const first = [await open(ws), await open(ws), await open(ws)]
  expect(new Set(first.map(({ replica }) => replica))).toEqual(new Set(['ws-1', 'ws-2']))
  for (const { replica, cookie } of first) {
    expect(cookie).toBe(replica)
    expect(await open(ws, cookie)).toMatchObject({ replica, cookie: undefined })
  }
  expect(router.open()).toBe(6)
  for (const { socket } of first) socket.close()
  await expect.poll(router.open).toBe(3)
  const answer = await fetch(http + paths.health, { headers: { cookie: `${stickyCookie}=ws-2` } })
  expect([answer.status, answer.headers.get(replicaHeader), answer.headers.get('set-cookie')]).toEqual([200, 'ws-2', null])
})

test('a draining replica gets no new socket and keeps those it has; a killed replica causes no error for clients', async () => {
  const { replicas, ws, http, said } = await lab(3)
  const held = await open(ws, 'ws-3')
  const drained = replicas.drain(['ws-3'])
  expect((await open(ws, 'ws-3')).replica).not.toBe('ws-3')
  expect(held.socket.readyState).toBe(WebSocket.OPEN)
  await drained
  expect(replicas.list().map(({ id }) => id)).toEqual(['ws-1', 'ws-2'])
  await replicas.kill(['ws-2'])
  for (let i = 0; i < 10; i++) expect((await open(ws, 'ws-2')).replica).toBe('ws-1')
  await replicas.kill(['ws-1'])
  expect((await fetch(http + paths.health)).status).toBe(503)
  await expect(open(ws)).rejects.toThrow('503')
  expect(said).toEqual([])
})

test('a replica that hangs gets no new socket, and is killed if it does not drain', async () => {
  const { replicas, ws } = await lab(2)
  replicas.freeze('ws-2', true)
  await expect.poll(() => replicas.list().find(({ id }) => id === 'ws-2')?.ready, { timeout: 10_000 }).toBe(false)
  expect((await open(ws, 'ws-2')).replica).toBe('ws-1')
  await replicas.drain(['ws-2'])
  expect(replicas.list().map(({ id }) => id)).toEqual(['ws-1'])
}, 30_000)

test('a replica that is cut off gets no new socket, and its clients notice nothing until the network is restored', async () => {
  const { replicas, network, ws } = await lab(2)
  const { socket } = await open(ws, 'ws-2')
  const heard: string[] = []
  socket.on('message', (data) => heard.push(String(data)))
  const answers = () => heard.filter((text) => text.includes('message_response')).length
  socket.send('{"type":"message","data":1}')
  await expect.poll(answers).toBe(1)
  network.setCut('ws-2', true)
  socket.send('{"type":"message","data":2}')
  await expect.poll(() => replicas.list().find(({ id }) => id === 'ws-2')?.ready, { timeout: 5_000 }).toBe(false)
  expect((await open(ws, 'ws-2')).replica).toBe('ws-1')
  expect([answers(), socket.readyState]).toEqual([1, WebSocket.OPEN])
  network.setCut('ws-2', false)
  await expect.poll(answers).toBe(2)
  await expect.poll(() => replicas.list().find(({ id }) => id === 'ws-2')?.ready, { timeout: 5_000 }).toBe(true)
  expect((await open(ws, 'ws-2')).replica).toBe('ws-2')
}, 30_000)

test('a slow network delays every answer and loses none', async () => {
  const { network, ws, http } = await lab(1)
  const { socket } = await open(ws)
  const heard: number[] = []
  socket.on('message', (data) => {
    const { type, data: number } = JSON.parse(String(data))
    if (type === 'message_response') heard.push(number)
  })
  network.slow(200)
  const began = performance.now()
  for (let n = 0; n < 50; n++) socket.send(JSON.stringify({ type: 'message', data: n }))
  await expect.poll(() => heard.length, { timeout: 5_000, interval: 5 }).toBe(50)
  expect(performance.now() - began).toBeGreaterThan(195)
  // If the simulated network delayed the responses one after another, the 50 responses would take ten seconds.
  expect(performance.now() - began).toBeLessThan(3_000)
  expect(heard).toEqual(Array.from({ length: 50 }, (_, n) => n))
  const asked = performance.now()
  expect((await fetch(http + paths.health, { headers: { connection: 'close' } })).status).toBe(200)
  expect(performance.now() - asked).toBeGreaterThan(195)
}, 30_000)

test('a replica that cannot start reports why', async () => {
  const replicas = new Replicas({ env: { MAX_CONNECTIONS: 'many' }, drainTimeoutMs: 0, say: () => {} })
  await expect(replicas.add(1)).rejects.toThrow(/ws-1 ended at start \(1\): MAX_CONNECTIONS="many": allowed is a whole number/)
  await sleep(0)
  expect(replicas.list()).toEqual([])
})

test('the pool takes the ready replicas in turn', () => {
  const pool = new Pool()
  const members = ['a', 'b', 'c'].map((id) => ({ id, ready: id !== 'b' }))
  const first = () => pool.candidates(members, undefined)[0]?.id
  expect([first(), first(), first()]).toEqual(['a', 'c', 'a'])
  expect(pool.candidates(members, 'c').map(({ id }) => id)).toEqual(['c', 'a'])
  expect(pool.candidates(members, 'b').map(({ id }) => id)).toEqual(['c', 'a'])
  expect(pool.candidates([], 'a')).toEqual([])
  expect([cookieValue('x=1; y=2', 'y'), cookieValue('xy=1', 'y'), cookieValue(undefined, 'y')]).toEqual(['2', undefined, undefined])
})

test('requests with a foreign Origin or Host are refused, plain ones and handshakes', async () => {
  const { http, ws, router } = await lab(1)
  const ask = (headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(http + paths.health, { headers }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end()
    })
  const dial = (headers: Record<string, string>) =>
    new Promise<unknown>((resolve) => {
      const socket = new WebSocket(ws + paths.ws, { headers })
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode))
      socket.once('open', () => resolve('open'))
      socket.on('error', () => undefined)
    })
  for (const headers of [{ host: 'evil.example' }, { origin: 'http://evil.example' }, { origin: 'null' }]) {
    expect([headers, await ask(headers), await dial(headers)]).toEqual([headers, 403, 403])
  }
  expect(router.open()).toBe(0)
  for (const headers of [{}, { origin: http }, { host: `localhost:${router.port}`, origin: `http://localhost:${router.port}` }]) {
    expect([headers, await ask(headers), await dial(headers)]).toEqual([headers, 200, 'open'])
  }
})

/** Sends raw bytes and returns the response, at least up to the end of its headers. */
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname, () => socket.write(text))
  onTestFinished(() => void socket.destroy())
  let answer = ''
  socket.on('data', (data) => (answer += data))
  await expect.poll(() => answer, { timeout: 10_000 }).toContain('\r\n\r\n')
  return answer
}

test('a request that is no WebSocket handshake gets the same answer as from the replica itself', async () => {
  const { http, replicas } = await lab(1)
  const replica = `http://127.0.0.1:${replicas.list()[0]?.port}`
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
  const status = async (url: string, text: string) => (await raw(url, text)).split('\r\n')[0]
  const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
  expect(await status(http, `GET /health HTTP/1.1\r\nHost: localhost\r\n${h2c}\r\n`)).toBe('HTTP/1.1 200 OK')
  for (const [head, upgrade] of [
    ['GET /health', 'Upgrade: TLS/1.0'],
    ['GET /ws', 'Upgrade: websocket, h2c'],
    ['POST /ws', 'Upgrade: websocket'],
    ['HEAD /ws', 'Upgrade: websocket'],
    ['GET /nowhere', 'Upgrade: h2c'],
  ]) {
    const request = `${head} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n${upgrade}\r\n${key}\r\n`
    expect([head, upgrade, await status(http, request)]).toEqual([head, upgrade, await status(replica, request)])
  }
  const socket = `Connection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`
  expect(await status(http, `GET http://localhost:1/ws HTTP/1.1\r\nHost: localhost\r\n${socket}`)).toBe('HTTP/1.1 101 Switching Protocols')
  expect(await status(http, 'GET http://127.0.0.1/health?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('HTTP/1.1 200 OK')
  expect(await status(http, 'GET http://127.0.0.1 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('HTTP/1.1 200 OK')
  for (const rest of [socket, '\r\n']) {
    expect(await status(http, `GET /ws HTTP/1.1\r\n${rest}`)).toBe('HTTP/1.1 400 Bad Request')
    expect(await status(http, `GET /ws HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n${rest}`)).toBe('HTTP/1.1 400 Bad Request')
  }
  // HTTP/1.0 allows requests without a Host header, but the router refuses requests whose host it does not know.
  expect(await status(http, 'GET /health HTTP/1.0\r\n\r\n')).toBe('HTTP/1.1 403 Forbidden')
}, 60_000)
