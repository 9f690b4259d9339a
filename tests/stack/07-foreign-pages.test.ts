/**
 * Checks that pages from foreign origins, and requests with foreign host names, cannot read or change anything through the lab's host
 * ports.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { services } from '@lab/contract/endpoints.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import type { Browser, Page, Response } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { hasChromium, launch } from '../browser/lib/browser.ts'
import { type Answer, ask as askAt, upgrade } from './lib/ask.ts'
import { query } from './lib/prometheus.ts'
import { openSocket } from './lib/socket.ts'
import { compose, containers, environmentOf, url } from './lib/stack.ts'

const stack = inject('stack')
const [prometheus] = await containers(stack, services.prometheus)
const [replica] = await containers(stack, services.ws)
if (!prometheus || !replica) throw new Error('Prometheus and a replica must run')

interface Published {
  service: string
  target: number
  port: number
}

/** All ports that the lab publishes, including those from Compose profiles and from the Compose overlay. */
const published: Published[] = await (async () => {
  const args = ['compose', '-f', 'compose.yaml', '-f', 'compose.k8s-sim.yaml', '--profile', '*', 'config', '--format', 'json']
  const model = JSON.parse(await docker({ args, env: environmentOf(stack) })) as {
    services: Record<string, { ports?: { target: number; published: string }[] }>
  }
  return Object.entries(model.services).flatMap(([service, { ports = [] }]) =>
    ports.map(({ target, published: port }) => ({ service, target, port: Number(port) })),
  )
})()
const tlsPort = Number(stack.env.LAB_TLS_PORT)

/** Sends a request to a host port. */
function ask(port: number, headers: Record<string, string>, { path = '/', method = 'GET' } = {}): Promise<Answer> {
  return askAt(`${port === tlsPort ? 'https' : 'http'}://127.0.0.1:${port}${path}`, { headers, method })
}

test('every host port belongs to Traefik, which does the check', () => {
  expect(published.length).toBeGreaterThan(5)
  expect(published.filter(({ service }) => service !== services.traefik)).toEqual([])
})

describe.each(published)('port $target', ({ port, target }) => {
  const scheme = port === tlsPort ? 'https' : 'http'

  test.each<[string, Record<string, string>]>([
    ['a foreign host name', { host: 'evil.example' }],
    ['a foreign host name with the port', { host: `evil.example:${port}` }],
    ['a host name that starts with an allowed one', { host: `localhost.evil.example:${port}` }],
    ['a host name that could be a number', { host: 'fade.cafe' }],
    ['a foreign origin', { origin: 'http://evil.example' }],
    ['the origin of a file or a sandbox', { origin: 'null' }],
    ['the origin of another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['an origin that starts with an allowed one', { origin: `${scheme}://localhost:${port}.evil.example` }],
    ['an image on a foreign page', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a frame in a page of another port', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
    ['a socket of a foreign page', { ...upgrade, origin: 'http://evil.example' }],
    ['a socket under a foreign name', { ...upgrade, host: 'evil.example', origin: 'http://evil.example' }],
  ])('refuses %s', async (_what, headers) => {
    const answer = await ask(port, headers, { path: 'upgrade' in headers ? '/ws' : '/' })
    expect(answer).toMatchObject({ status: 403, headers: { 'x-refused': expect.stringContaining('ALLOWED_ORIGINS') } })
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })

  test.each<[string, Record<string, string>]>([
    ['a program', {}],
    ['a program that uses the host name localhost', { host: `localhost:${port}` }],
    ['a program that uses an IP address', { host: `[::1]:${port}` }],
    ['a container', { host: `${services.traefik}:${target}` }],
    ['its own page', { origin: `${scheme}://localhost:${port}`, 'sec-fetch-site': 'same-origin' }],
    ['a link that a user followed', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ])('allows %s', async (_what, headers) => {
    expect((await ask(port, headers)).status).not.toBe(403)
  })
})

describe('paths that the host ports do not serve', () => {
  test.each([
    ['PROMETHEUS_PORT', '/-/quit'],
    ['PROMETHEUS_PORT', '/-/reload'],
    ['PROMETHEUS_PORT', '//-/quit'],
    ['PROMETHEUS_PORT', '/%2d/quit'],
    ['PROMETHEUS_PORT', '/api/v1/write'],
    ['PROMETHEUS_PORT', '/api/v1/query/../write'],
    ['PROMETHEUS_PORT', '/api/v1/query%2f..%2fwrite'],
    ['PROMETHEUS_PORT', '/api/v1/otlp/v1/metrics'],
    ['PROMETHEUS_PORT', '/api/v1/admin/tsdb/delete_series?match[]=up'],
    ['ALERTMANAGER_PORT', '/-/reload'],
    ['ALERTS_PORT', '/alerts'],
    ['LOKI_PORT', '/loki/api/v1/push'],
    ['LOKI_PORT', '/flush'],
  ])('%s: POST %s', async (variable, path) => {
    expect((await ask(Number(stack.env[variable]), {}, { path, method: 'POST' })).status).toBe(404)
  })

  test('queries by POST are allowed, and k6 can write from inside the lab', async () => {
    const answer = await fetch(url(stack, 'PROMETHEUS_PORT', '/api/v1/query'), {
      method: 'POST',
      body: new URLSearchParams({ query: '1' }),
    })
    expect(answer.status).toBe(200)
    const headers = `{ 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }`
    const to = `http://${services.prometheus}:9090/api/v1/write`
    const script = `console.log((await fetch('${to}', { method: 'POST', body: 'x', headers: ${headers} })).status)`
    const { stdout } = await tryDocker(['exec', replica.Id, 'node', '--input-type=module', '-e', script])
    // Prometheus itself refuses a request body that is not compressed with Snappy.
    expect(stdout.trim()).toBe('400')
  })
})

test('programs and the own page can open sockets', async () => {
  await (await openSocket(stack)).close()
  const port = Number(stack.env.LAB_PORT)
  expect((await ask(port, { ...upgrade, origin: `http://127.0.0.1:${port}` }, { path: '/ws' })).status).toBe(101)
  const script = `const socket = new WebSocket('ws://${services.traefik}:8000/ws')
    socket.onopen = () => { console.log('open'); socket.close() }
    socket.onerror = () => console.log('refused')`
  const { stdout } = await tryDocker(['exec', replica.Id, 'node', '-e', script])
  expect(stdout.trim()).toBe('open')
})

describe('ALLOWED_ORIGINS', () => {
  const name = `${stack.project}-allowed`
  const start = (allowed: string) =>
    compose(stack, ['run', '--detach', '--no-deps', '--name', name, '-e', `ALLOWED_ORIGINS=${allowed}`, services.traefik])
  afterAll(() => tryDocker(['rm', '--force', name]))

  test('allows additional origins and their hosts', async () => {
    await start('https://lab.example:8443,http://localhost:5173')
    const script = `const { request } = require('node:http')
      for (const headers of JSON.parse(process.argv[1])) {
        const call = request({ host: '127.0.0.1', port: 8080, path: '/api/version', headers }, (r) => console.log(JSON.stringify(headers), r.resume().statusCode))
        call.on('error', (error) => console.log(String(error))).end()
      }`
    const host = '127.0.0.1:8080'
    const headers = [
      { host, origin: 'https://lab.example:8443' },
      { host: 'lab.example:8443' },
      { host, origin: 'http://localhost:5173' },
      { host, origin: 'https://lab.example' },
      { host, origin: 'https://labxexample:8443' },
    ]
    const run = ['run', '--rm', '--network', `container:${name}`, replica.Image, 'node', '-e', script, JSON.stringify(headers)]
    const expected = [200, 200, 200, 403, 403].map((status, index) => `${JSON.stringify(headers[index])} ${status}`)
    const answered = async () => {
      const { stdout, stderr } = await tryDocker(run)
      const lines = stdout.trim().split('\n')
      if (expected.every((line) => lines.includes(line))) return true
      throw new Error(stdout + stderr)
    }
    await until('three requests are allowed and two are refused', answered, { withinMs: 30_000, everyMs: 500 })
    await docker(['rm', '--force', name])
  })

  test.each(['evil', 'http://a`b', 'http://a/path', 'http://a, http://b'])('says what is wrong with %s', async (allowed) => {
    const args = ['compose', 'run', '--rm', '--no-deps', '-e', `ALLOWED_ORIGINS=${allowed}`, services.traefik]
    const { exitCode, stderr } = await tryDocker({ args, env: environmentOf(stack) })
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`ALLOWED_ORIGINS=${allowed}: allowed are origins separated by commas`)
  })
})

describe.skipIf(!hasChromium)('in a browser', () => {
  let browser: Browser
  let page: Page
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<title>evil</title>'))
  let origin = ''

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://evil.example:${(server.address() as AddressInfo).port}`
    // These browser options resolve the foreign host name to this machine, and suppress the permission prompt for local network access.
    browser = await launch(
      '--host-resolver-rules=MAP evil.example 127.0.0.1',
      '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
    )
    page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
    await page.goto(origin)
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    server.close()
  })

  test.each(published)('a foreign page cannot read anything from port $target', async ({ port }) => {
    const base = `${port === tlsPort ? 'https' : 'http'}://127.0.0.1:${port}`
    const refused: number[] = []
    const note = (response: Response) => void (response.url().startsWith(base) && refused.push(response.status()))
    page.on('response', note)
    const seen = await page.evaluate(
      async ([to]) => {
        const read = (path: string, how: RequestInit = {}) =>
          fetch(to + path, how).then(
            (response) => `read ${response.type} ${response.status}`,
            () => 'nothing',
          )
        const plain = { method: 'POST', body: 'x' }
        const json = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
        const socket = new Promise<string>((resolve) => {
          const opened = new WebSocket(`${String(to).replace('http', 'ws')}/ws`)
          opened.onopen = () => resolve('open')
          opened.onerror = () => resolve('nothing')
        })
        const blind = { mode: 'no-cors' } as const
        const reads = [read('/'), read('/api/v1/query?query=1'), read('/', plain), read('/api/v2/silences', json), socket]
        return Promise.all([...reads, read('/', blind), read('/', { ...plain, ...blind })])
      },
      [base] as const,
    )
    expect(seen).toEqual([...Array(5).fill('nothing'), 'read opaque 0', 'read opaque 0'])
    // Checks that the lab itself, and not just the browser, refused the requests.
    expect(refused.length).toBeGreaterThanOrEqual(2)
    expect(refused.filter((status) => status !== 403)).toEqual([])
    page.off('response', note)
  })

  test('a page is not served under a foreign host name that resolves to this machine', async () => {
    for (const { port } of published.filter((one) => one.port !== tlsPort)) {
      const rebound = await page.context().newPage()
      const answer = await rebound.goto(`http://evil.example:${port}/`)
      expect([port, answer?.status()]).toEqual([port, 403])
      await rebound.close()
    }
  })

  test('a foreign page cannot change anything', async () => {
    const to = (variable: string, path: string) => url(stack, variable, path)
    const silence = {
      matchers: [{ name: 'alertname', value: '.+', isRegex: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 60_000).toISOString(),
      createdBy: 'evil',
      comment: 'evil',
    }
    await page.evaluate(
      async ([quit, reload, write, silences, body]) => {
        const post = (where: string, how: RequestInit = {}) =>
          fetch(where, { method: 'POST', mode: 'no-cors', ...how }).catch(() => undefined)
        const headers = { 'content-type': 'application/json' }
        await Promise.all([
          ...[quit, reload, write].map((where) => post(where)),
          post(silences, { body }),
          post(silences, { body, headers, mode: 'cors' }),
        ])
      },
      [
        to('PROMETHEUS_PORT', '/-/quit'),
        to('PROMETHEUS_PORT', '/-/reload'),
        to('PROMETHEUS_PORT', '/api/v1/write'),
        to('ALERTMANAGER_PORT', '/api/v2/silences'),
        JSON.stringify(silence),
      ] as const,
    )
    // The foreign page uses a form and an image, which send requests without a script.
    await page.evaluate(`{
      const form = document.createElement('form')
      Object.assign(form, { method: 'post', action: '${to('PROMETHEUS_PORT', '/-/quit')}', target: '_blank' })
      document.body.append(form)
      form.submit()
      new Image().src = '${to('LOKI_PORT', '/ingester/shutdown')}'
    }`)
    expect(await (await fetch(to('ALERTMANAGER_PORT', '/api/v2/silences'))).json()).toEqual([])
    const [now] = await containers(stack, services.prometheus)
    expect([now?.Id, now?.State.StartedAt]).toEqual([prometheus.Id, prometheus.State.StartedAt])
    expect(await query(stack, 'count(websocket_connections_active unless on(replica) up{job="ws"})')).toEqual([])
  })

  test('the own pages work: the page of Prometheus can query, and the test client opens its socket', async () => {
    const own = await (await browser.newContext()).newPage()
    const base = url(stack, 'PROMETHEUS_PORT', '').replace('127.0.0.1', 'localhost')
    await own.goto(`${base}/query`)
    expect(await own.evaluate(async () => (await fetch('/api/v1/query?query=1')).status)).toBe(200)
    await own.goto(url(stack, 'LAB_PORT'))
    await until('the page is connected', async () => (await own.locator('#state-text').textContent()) === 'open', { withinMs: 30_000 })
  })
})
