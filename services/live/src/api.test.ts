/** Tests which of the live page's commands the server carries out and which ones it refuses. */
import { type EmbeddedOrder, embeddedOrders, type LiveSnapshot } from '@lab/contract/embedded-api.ts'
import { expect, test } from 'vitest'
import { type Actions, createApi } from './api.ts'

const host = 'localhost:3000'

const decision = { time: '2026-01-01T00:00:00.000Z', current: 2, desired: 3, reason: 'above target', text: 'two to three' }

/** @param without a command that the server under test does not support; undefined if it supports all commands */
function api(without?: EmbeddedOrder) {
  const done: unknown[] = []
  const logged: string[] = []
  const kinds = Object.keys(embeddedOrders).filter((kind) => kind !== without)
  const orders = Object.fromEntries(
    kinds.map((kind) => [
      kind,
      async (given: object) => {
        done.push([kind, given])
        if (kind === 'kill') throw new Error('the process does not end')
      },
    ]),
  )
  const snapshot = { replicas: [{ id: 'ws-1' }, { id: 'ws-2' }] } as unknown as LiveSnapshot
  const actions: Actions = { snapshot: () => snapshot, decisions: () => [decision], stateFolder: 'reports/embedded', orders }
  const app = createApi(actions, 'http://localhost:8000', (line) => logged.push(line), [])
  const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers: { host, ...headers } })
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await app.request(path, { method: 'POST', body: text, headers: { host, ...headers } })
    return [answer.status, ((await answer.json()) as { error?: string }).error]
  }
  return { get, post, done, logged }
}

test('serves the page with a policy that allows no external resources', async () => {
  const { get } = api()
  const page = await get('/')
  expect(await page.text()).toContain('href="http://localhost:8000"')
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toMatch(/^default-src 'none'/)
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
  expect((await get('/live.js')).headers.get('content-type')).toMatch(/javascript/)
  expect((await get('/style.css')).status).toBe(200)
  expect((await get('/../main.ts')).status).toBe(404)
})

test('performs orders', async () => {
  const { post, done } = api()
  const ok = [200, undefined]
  expect(await post('/api/load', { sockets: 5_000 })).toEqual(ok)
  expect(await post('/api/target', { connections: 50 })).toEqual(ok)
  expect(await post('/api/pause', { paused: true }, { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).toEqual(ok)
  expect(await post('/api/drain', { id: 'ws-2' })).toEqual(ok)
  expect(await post('/api/replicas', { count: 4 })).toEqual(ok)
  const rules = { windowSeconds: 0, pods: 10, periodSeconds: 15 }
  expect(await post('/api/scale-down', { rules })).toEqual(ok)
  expect(await post('/api/scale-down', { rules: null })).toEqual(ok)
  expect(done).toEqual([
    ['load', { sockets: 5_000 }],
    ['target', { connections: 50 }],
    ['pause', { paused: true }],
    ['drain', { id: 'ws-2' }],
    ['replicas', { count: 4 }],
    ['scaleDown', { rules }],
    ['scaleDown', { rules: null }],
  ])
})

test('an unsupported order is refused, and the page lists the supported ones', async () => {
  const { get, post, done } = api('kill')
  expect(await post('/api/kill', { id: 'ws-1' })).toEqual([404, 'the path /api/kill does not exist'])
  expect(done).toEqual([])
  const text = await (await get('/')).text()
  expect(text).toContain('&quot;drain&quot;')
  expect(/data-orders="([^"]*)"/.exec(text)?.[1]).not.toContain('kill')
})

test('logs an order that failed', async () => {
  const { post, logged } = api()
  await post('/api/kill', { id: 'ws-1' })
  await expect.poll(() => logged).toEqual(['/api/kill failed: Error: the process does not end'])
})

test('a disturbance of the whole lab needs no replica', async () => {
  const { post, done } = api()
  expect(await post('/api/disturb', { kind: 'slow-answers', seconds: 30 })).toEqual([200, undefined])
  expect(await post('/api/disturb', { kind: 'cut-off', id: 'ws-1', seconds: 30 })).toEqual([200, undefined])
  expect(done).toEqual([
    ['disturb', { kind: 'slow-answers', seconds: 30 }],
    ['disturb', { kind: 'cut-off', id: 'ws-1', seconds: 30 }],
  ])
})

test.each([
  ['/api/load', { sockets: 5_001 }, 400, 'sockets: allowed is a whole number from 0 to 5000'],
  ['/api/load', { sockets: -1 }, 400, 'sockets: allowed is a whole number from 0 to 5000'],
  ['/api/load', { sockets: '5' }, 400, 'sockets: allowed is a whole number from 0 to 5000'],
  ['/api/load', { sockets: 1.5 }, 400, 'sockets: allowed is a whole number from 0 to 5000'],
  ['/api/load', {}, 400, 'sockets: allowed is a whole number from 0 to 5000'],
  ['/api/load', { sockets: 1, more: 2 }, 400, 'body: Unrecognized key: "more"'],
  ['/api/target', { connections: 0 }, 400, 'connections: allowed is a whole number from 1 to 10000'],
  ['/api/target', { connections: null }, 400, 'connections: allowed is a whole number from 1 to 10000'],
  ['/api/replicas', { count: 0 }, 400, 'count: allowed is a whole number from 1 to 20'],
  [
    '/api/scale-down',
    { rules: { windowSeconds: 0, pods: 0, periodSeconds: 15 } },
    400,
    'rules.pods: allowed is a whole number from 1 to 100',
  ],
  ['/api/pause', { paused: 1 }, 400, 'paused: allowed is true or false'],
  ['/api/roll-out', {}, 400, 'fails: allowed is true or false'],
  ['/api/kill', { id: 7 }, 400, 'id: allowed is the name of a replica, as in ws-1'],
  ['/api/kill', { id: 'ws-9' }, 404, 'id: no replica "ws-9"; allowed are ws-1, ws-2'],
  ['/api/kill', '{', 400, 'body: allowed is JSON'],
  ['/api/kill', 'x'.repeat(2_000), 413, 'body: allowed are at most 1024 bytes'],
  ['/api/disturb', { kind: 'cut-off', id: 'ws-9', seconds: 30 }, 404, 'id: no replica "ws-9"; allowed are ws-1, ws-2'],
  ['/api/disturb', { kind: 'cut-off', seconds: 30 }, 400, 'id: missing; allowed are ws-1, ws-2'],
  ['/api/disturb', { kind: 'slow-answers', seconds: 601 }, 400, 'seconds: allowed is a whole number from 5 to 600'],
  ['/api/reboot', {}, 404, 'the path /api/reboot does not exist'],
])('refuses %s %j with %i: %s', async (path, body, status, error) => {
  const { post, done } = api()
  expect(await post(path, body)).toEqual([status, error])
  expect(done).toEqual([])
})

test.each([
  { host: 'evil.example' },
  { host: 'localhost.evil.example:3000' },
  { origin: 'http://evil.example' },
  { origin: 'http://localhost:8000' },
  { origin: 'null' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
])('refuses an order with %j', async (headers) => {
  const { post, done } = api()
  const [status] = await post('/api/load', { sockets: 1 }, headers)
  expect(status).toBe(403)
  expect(done).toEqual([])
})

test('refuses to show the state to another host name', async () => {
  expect((await api().get('/api/state', { host: 'evil.example' })).status).toBe(403)
  expect((await api().get('/api/state', { host: '127.0.0.1' })).status).toBe(200)
})

test('limits the number of open pages, and admits another one when a page is closed', async () => {
  const { get } = api()
  const watching = await Promise.all(Array.from({ length: 20 }, () => get('/api/events')))
  expect(watching.map(({ status }) => status)).toEqual(watching.map(() => 200))
  expect((await get('/api/events')).status).toBe(503)
  const reader = watching[0]?.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toMatch(/^data: \{"replicas"/)
  await reader?.cancel()
  expect((await get('/api/events')).status).toBe(200)
  for (const { body } of watching.slice(1)) await body?.cancel()
})
