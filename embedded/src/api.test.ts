/** What the page's server takes, and what it refuses. */
import { expect, test } from 'vitest'
import { type Actions, createApi } from './api.ts'
import type { Snapshot } from './snapshot.ts'

const host = 'localhost:3000'

function api() {
  const done: unknown[] = []
  const said: string[] = []
  const act = (name: string) => (given: unknown) => void done.push([name, given])
  const later = (name: string) => async (given: unknown) => {
    done.push([name, given])
    if (name === 'kill') throw new Error('it would not die')
  }
  const snapshot = { replicas: [{ id: 'ws-1' }, { id: 'ws-2' }] } as unknown as Snapshot
  const orders = { setLoad: act('load'), setTarget: act('target'), pause: act('pause'), kill: later('kill'), drain: later('drain') }
  const scaling = { setScaleDown: act('scale down'), setReplicas: later('replicas'), decisions: () => [{ desired: 3 }] }
  const chaos = { begin: later('begin'), undo: later('undo') }
  const actions: Actions = { snapshot: () => snapshot, ...orders, ...scaling, ...{ chaos } }
  const app = createApi(actions, 'http://localhost:8000', (line) => said.push(line))
  const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers: { host, ...headers } })
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await app.request(path, { method: 'POST', body: text, headers: { host, ...headers } })
    return [answer.status, ((await answer.json()) as { error?: string }).error]
  }
  return { get, post, done, said }
}

test('serves the page with a policy that lets nothing in from elsewhere', async () => {
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

test('does what it is asked for', async () => {
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
    ['load', 5_000],
    ['target', 50],
    ['pause', true],
    ['drain', 'ws-2'],
    ['replicas', 4],
    ['scale down', rules],
    ['scale down', null],
  ])
})

test('says what could not be done', async () => {
  const { post, said } = api()
  await post('/api/kill', { id: 'ws-1' })
  await expect.poll(() => said).toEqual(['/api/kill failed: Error: it would not die'])
})

test('a fault that hits no replica needs no name of one', async () => {
  const { post, done } = api()
  expect(await post('/api/chaos', { fault: 'slow-network', id: '', seconds: 30 })).toEqual([200, undefined])
  expect(await post('/api/chaos', { fault: 'partition', id: 'ws-1', seconds: 30 })).toEqual([200, undefined])
  expect(done).toEqual([
    ['begin', 'slow-network'],
    ['begin', 'partition'],
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
  ['/api/kill', { id: 7 }, 400, 'id: allowed is the name of a replica, as in ws-1'],
  ['/api/kill', { id: 'ws-9' }, 404, 'id: there is no "ws-9", only ws-1, ws-2'],
  ['/api/kill', '{', 400, 'body: allowed is JSON'],
  ['/api/kill', 'x'.repeat(2_000), 413, 'body: allowed are at most 1024 bytes'],
  ['/api/chaos', { fault: 'partition', id: 'ws-9', seconds: 30 }, 404, 'id: there is no "ws-9", only ws-1, ws-2'],
  ['/api/chaos', { fault: 'partition', id: '', seconds: 30 }, 404, 'id: there is no "", only ws-1, ws-2'],
  ['/api/chaos', { fault: 'slow-network', id: '', seconds: 601 }, 400, 'seconds: allowed is a whole number from 5 to 600'],
  ['/api/reboot', {}, 404, 'nothing at /api/reboot'],
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
])('takes no order that comes with %j', async (headers) => {
  const { post, done } = api()
  const [status] = await post('/api/load', { sockets: 1 }, headers)
  expect(status).toBe(403)
  expect(done).toEqual([])
})

test('shows nothing under a foreign name', async () => {
  expect((await api().get('/api/state', { host: 'evil.example' })).status).toBe(403)
  expect((await api().get('/api/state', { host: '127.0.0.1' })).status).toBe(200)
})

test('is looked at by so many pages and no more, and lets another in when one has gone', async () => {
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
