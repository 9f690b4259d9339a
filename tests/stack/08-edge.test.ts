/**
 * Checks each function of the edge on the real Traefik: a case in which it takes effect, and one in which it does not. A second Traefik
 * routes to the replicas of the stack under test; it has rate limits, a certificate of `./lab tls`, and a low limit on requests in flight.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateFiles, makeCertificates, ownNames } from '@lab/cli/tls/certificates.ts'
import { paths, services } from '@lab/contract/endpoints.ts'
import { tryDocker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { execa } from 'execa'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { hasChromium, launch } from '../browser/lib/browser.ts'
import { ask, upgrade } from './lib/ask.ts'
import { root } from './lib/compose-file.ts'
import { freePorts } from './lib/global-setup.ts'
import { openSocket, Refused, type TestSocket } from './lib/socket.ts'
import { compose, environmentOf, type Stack, url } from './lib/stack.ts'

const stack = inject('stack')
/** The container's name is a host name that the lab allows (traefik/dynamic/pages.yaml). */
const name = `${stack.project}-edge-traefik`
const free = await freePorts()
/** The stack as its clients see it through the second Traefik: on the limited entry points, and on that of the load generator. */
const limited: Stack = { ...stack, env: { ...stack.env, LAB_PORT: free.LAB_PORT ?? '', LAB_TLS_PORT: free.LAB_TLS_PORT ?? '' } }
const exempt: Stack = { ...stack, env: { ...stack.env, LAB_PORT: free.LIVE_PORT ?? '' } }
/** The limit on requests in flight for one replica that may hold one socket (traefik/dynamic/middlewares.yaml). */
const mostInFlight = 101

const folder = mkdtempSync(join(tmpdir(), 'lab-edge-'))
chmodSync(folder, 0o755)
await makeCertificates(folder, [...ownNames, name])
const authorityFile = join(folder, certificateFiles.authority)
const authority = readFileSync(authorityFile, 'utf8')
const secure = (of: Stack, path = '/') => url(of, 'LAB_TLS_PORT', path).replace('http:', 'https:')

beforeAll(async () => {
  const published = Object.entries({ LAB_PORT: 8000, LAB_TLS_PORT: 8443, LIVE_PORT: 8001 })
  await compose(stack, [
    ...['run', '--detach', '--no-deps', '--name', name, '--volume', `${folder}:/etc/traefik/certs:ro`],
    ...published.flatMap(([variable, port]) => ['--publish', `127.0.0.1:${free[variable]}:${port}`]),
    ...['LAB_HARDENED=true', 'LAB_CERTIFICATE=true', 'MAX_CONNECTIONS=1', 'SCALER_MAX_REPLICAS=1'].flatMap((one) => ['-e', one]),
    ...['-e', `OWN_PORTS=${free.LAB_PORT},${free.LAB_TLS_PORT}`, services.traefik],
  ])
  const ready = async () => (await ask(url(exempt, 'LAB_PORT', paths.readyz))).status === 200
  await until('the second Traefik routes to a replica', ready, { withinMs: 60_000 })
}, 120_000)

afterAll(async () => {
  await tryDocker(['rm', '--force', name])
  rmSync(folder, { recursive: true })
})

/** Sends requests at the same time, and returns their statuses. */
function statuses(count: number, address: string): Promise<number[]> {
  const one = async () => {
    const answer = await fetch(address, { redirect: 'manual', signal: AbortSignal.timeout(10_000) })
    await answer.body?.cancel()
    return answer.status
  }
  return Promise.all(Array.from({ length: count }, one))
}

/** Waits until a rate limit allows a request again. */
const allowed = (address: string) =>
  until(`${address} is allowed again`, async () => (await ask(address)).status !== 429, { withinMs: 30_000, everyMs: 500 })

describe('LAB_HARDENED', () => {
  const served = Object.values(paths).map((path) => path.replace('*', 'client.js').replaceAll(/:\w+/g, 'x'))

  test.each(served)('limits the rate of %s, but not without the setting and not for the load generator', async (path) => {
    const tripped = async () => (await statuses(40, url(limited, 'LAB_PORT', path))).includes(429)
    await until('a request is refused', tripped, { withinMs: 20_000, everyMs: 1 })
    expect(await statuses(20, url(exempt, 'LAB_PORT', path))).not.toContain(429)
    expect(await statuses(20, url(stack, 'LAB_PORT', path))).not.toContain(429)
  })

  test.each([paths.page, paths.apiInfo, paths.ws])('allows occasional requests for %s', async (path) => {
    await allowed(url(limited, 'LAB_PORT', path))
  })

  test('also limits requests over TLS', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(secure(limited, paths.ws))))
    expect(answers.map(({ status }) => status)).toContain(429)
    await allowed(secure(limited, paths.ws))
  })

  test('limits handshakes, but not the messages of an open socket', async () => {
    await allowed(url(limited, 'LAB_PORT', paths.ws))
    const dialled = await Promise.allSettled(Array.from({ length: 20 }, () => openSocket(limited)))
    const opened = dialled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const refused = dialled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    expect(opened.length).toBeGreaterThan(0)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.map((one) => (one instanceof Refused ? one.status : one))).toEqual(refused.map(() => 429))
    for (let i = 0; i < 30; i++) opened[0]?.send({ type: 'message', data: 'x' })
    await opened[0]?.next('message_response')
    expect(opened[0]?.isOpen()).toBe(true)
    await Promise.all(opened.map((socket) => socket.close()))
  })
})

describe('LAB_CERTIFICATE', () => {
  test('Traefik presents the certificate of ./lab tls, which a client trusts that knows the authority', async () => {
    await allowed(secure(limited, paths.livez))
    expect((await ask(secure(limited, paths.livez), { ca: authority })).status).toBe(200)
  })

  test('without the setting, Traefik presents a self-signed certificate', async () => {
    await expect(ask(secure(stack, paths.livez), { ca: authority })).rejects.toThrow(/self-signed certificate|unable to verify/)
    expect((await ask(secure(stack, paths.livez))).status).toBe(200)
  })

  test.each([
    ['LAB_CERTIFICATE=true', /^LAB_CERTIFICATE=true: user 65532 cannot read traefik\/certs\/lab.crt; .\/lab tls creates it/],
    ['LAB_HARDENED=yes', /^LAB_HARDENED=yes: allowed is true or false$/],
    ['LAB_ACME_DOMAIN=localhost', /^LAB_ACME_DOMAIN=localhost: allowed is a public host name in lower case, such as lab.example.org$/],
    ['LAB_ACME_DOMAIN=lab.example.org', /^LAB_ACME_DOMAIN=lab.example.org: user 65532 cannot write to \/acme; .* docs\/tls.md$/],
  ])('Traefik explains in one line why it does not start with %s', async (setting, line) => {
    const empty = `${folder}/authority:/etc/traefik/certs:ro`
    const args = ['compose', 'run', '--rm', '--no-deps', '--volume', empty, '-e', setting, services.traefik]
    const { exitCode, stderr } = await tryDocker({ args, env: environmentOf(stack) })
    expect(exitCode).toBe(1)
    expect(stderr.split('\n').filter((one) => line.test(one))).toHaveLength(1)
  })
})

describe('port 8443', () => {
  test('serves HTTPS and wss with TLS 1.2 and 1.3, and nothing else', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      expect(await ask(secure(stack), { version })).toMatchObject({ status: 200, tls: version })
    }
    expect((await ask(secure(stack, paths.ws), { headers: upgrade })).status).toBe(101)
    await expect(ask(secure(stack), { version: 'TLSv1.1' })).rejects.toThrow()
    expect((await ask(url(stack, 'LAB_TLS_PORT'))).status).toBe(404)
  })

  test('HTTP/2 is used if the client offers it, and HTTP/1.1 otherwise', async () => {
    const session = connectHttp2(secure(stack), { rejectUnauthorized: false })
    try {
      const status = await new Promise((resolve, reject) => {
        session.on('error', reject)
        session
          .request({ ':path': paths.livez })
          .on('response', (headers) => resolve(headers[':status']))
          .on('error', reject)
          .end()
      })
      expect([status, session.alpnProtocol]).toEqual([200, 'h2'])
    } finally {
      session.destroy()
    }
    expect(await ask(secure(stack, paths.livez))).toMatchObject({ status: 200 })
  })

  test('HSTS is sent over TLS only', async () => {
    const hsts = 'strict-transport-security'
    expect((await ask(secure(stack))).headers[hsts]).toBe('max-age=300')
    expect((await ask(url(stack, 'LAB_PORT'))).headers[hsts]).toBeUndefined()
  })
})

describe('wss with the certificate, end to end', () => {
  const client = `import { createClient } from './client/src/client.ts'
    import { nodeEnvironment } from './client/src/node.ts'
    const url = '${secure(limited, paths.ws).replace('https', 'wss')}'
    const end = (text) => { console.log(text); process.exit() }
    createClient({ url, onEvent: ({ type, why }) => (type === 'attached' ? end('attached') : type === 'closed' && end('closed')) }, nodeEnvironment)
    setTimeout(() => end('nothing'), 10000)`
  const node = async (env: Record<string, string>) =>
    (await execa(process.execPath, ['--input-type=module', '-e', client], { cwd: root, env, reject: false })).stdout

  test("the client library connects with Node's NODE_EXTRA_CA_CERTS, and not without", async () => {
    await allowed(secure(limited, paths.ws))
    expect(await node({ NODE_EXTRA_CA_CERTS: authorityFile })).toBe('attached')
    expect(await node({ NODE_EXTRA_CA_CERTS: '' })).not.toBe('attached')
  })

  test('k6 connects with the authority, and not without', async () => {
    const k6 = (volume: string[]) => {
      const variables = [`TARGET=https://${name}:8443`, 'SOCKETS=3', 'SOCKETS_PER_VU=3', 'DURATION=5', 'READY_SECONDS=3', 'SCENARIO=smoke']
      const args = ['compose', 'run', '--rm', ...volume, ...variables.flatMap((one) => ['-e', one]), services.k6]
      return tryDocker({ args, env: environmentOf(stack) }, { withinSeconds: 60 })
    }
    await allowed(secure(limited, paths.ws))
    const trusting = await k6(['--volume', `${join(folder, 'authority')}:/lab/authority:ro`])
    expect(trusting.exitCode, trusting.stdout + trusting.stderr).toBe(0)
    const doubting = await k6([])
    expect(doubting.exitCode).not.toBe(0)
    expect(doubting.stdout + doubting.stderr).toMatch(/certificate/)
  })

  describe.skipIf(!hasChromium)('in a browser', () => {
    const key = new X509Certificate(authority).publicKey.export({ type: 'spki', format: 'der' })
    const trust = `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`
    const address = secure(limited).replace('127.0.0.1', 'localhost')
    const opened: Browser[] = []
    const browser = async (...switches: string[]) => {
      const one = await launch(...switches)
      opened.push(one)
      return one.newPage()
    }
    afterAll(() => Promise.all(opened.map((one) => one.close())))

    test('the page opens its socket if the browser trusts the authority, and does not load otherwise', async () => {
      await allowed(address)
      const page = await browser(trust)
      const sockets: string[] = []
      page.on('websocket', (socket) => sockets.push(socket.url()))
      await page.goto(address)
      await until('the page is connected', async () => (await page.locator('#state-text').textContent()) === 'open', { withinMs: 30_000 })
      expect(sockets.filter((one) => !one.startsWith('wss://localhost:'))).toEqual([])
      expect(sockets.length).toBeGreaterThan(0)
      const doubting = await browser()
      await expect(doubting.goto(address)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID')
    })
  })
})

describe('CORS', () => {
  const origin = url(stack, 'LIVE_PORT', '')
  const entry = url(stack, 'LAB_PORT', paths.apiInfo)

  test('an own page on another port may read the API, and may ask before a request', async () => {
    expect((await ask(entry, { headers: { origin } })).headers['access-control-allow-origin']).toBe(origin)
    const asked = await ask(entry, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } })
    expect(asked).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': origin, 'access-control-max-age': '600' } })
    expect(asked.headers['access-control-allow-methods']).toBe('GET,HEAD,OPTIONS')
  })

  test('a foreign page and a program get no permission', async () => {
    const foreign = await ask(entry, {
      method: 'OPTIONS',
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'GET' },
    })
    expect([foreign.status, foreign.headers['access-control-allow-origin']]).toEqual([403, undefined])
    expect((await ask(entry)).headers['access-control-allow-origin']).toBeUndefined()
  })
})

describe('compression', () => {
  const page = url(stack, 'LAB_PORT')
  const encoding = async (address: string, headers: Record<string, string>) => (await ask(address, { headers })).headers['content-encoding']

  test.each(['gzip', 'br', 'zstd'])('the page is compressed with %s for a client that accepts it', async (accepted) => {
    expect(await encoding(page, { 'accept-encoding': accepted })).toBe(accepted)
  })

  test('no response is compressed for other clients, and no small response', async () => {
    expect(await encoding(page, {})).toBeUndefined()
    expect(await encoding(url(stack, 'LAB_PORT', paths.livez), { 'accept-encoding': 'gzip' })).toBeUndefined()
  })
})

describe('the limit on requests in flight', () => {
  const hosts = ['localhost', '127.0.0.1', services.traefik, '[::1]']
  const dial = (of: Stack, index: number) => openSocket(of, { host: hosts[index % hosts.length] })
  const close = (sockets: TestSocket[]) => Promise.all(sockets.map((socket) => socket.close()))

  test('counts sockets of all host names, refuses more than the replicas may hold, and allows one when another has closed', {
    timeout: 60_000,
  }, async () => {
    const sockets: TestSocket[] = []
    for (let i = 0; i < mostInFlight; i++) sockets.push(await dial(exempt, i))
    for (const path of [paths.page, paths.apiInfo, paths.livez, paths.ws]) {
      expect([path, (await ask(url(exempt, 'LAB_PORT', path))).status]).toEqual([path, 429])
    }
    await expect(dial(exempt, 1)).rejects.toMatchObject({ status: 429 })
    await sockets.pop()?.close()
    const again = async () => (await ask(url(exempt, 'LAB_PORT', paths.livez))).status === 200
    await until('a request is allowed', again, { withinMs: 10_000 })
    await close(sockets)
  })

  test('allows the same number of sockets where the replicas may hold more', { timeout: 60_000 }, async () => {
    const sockets: TestSocket[] = []
    for (let i = 0; i < mostInFlight + 20; i++) sockets.push(await dial(stack, i))
    expect((await ask(url(stack, 'LAB_PORT', paths.livez))).status).toBe(200)
    await close(sockets)
  })
})

describe('the circuit breaker', () => {
  const address = url(exempt, 'LAB_PORT', paths.apiInfo)

  test('stays closed while replicas refuse requests', async () => {
    const refused = await statuses(40, url(exempt, 'LAB_PORT', '/no-such-path'))
    expect(new Set(refused)).toEqual(new Set([404]))
    expect((await ask(address)).status).toBe(200)
  })

  test('opens when most requests fail, and closes when the replicas respond again', { timeout: 60_000 }, async () => {
    await compose(stack, ['pause', services.ws])
    try {
      // A POST request is not repeated, so it fails when its response has not arrived within 5 s. The body distinguishes an open circuit
      // breaker from an empty pool.
      const seen: string[] = []
      const isOpen = () => {
        void ask(address, { method: 'POST' }).then(
          ({ status, body }) => seen.push(`${status} ${body}`),
          (error) => seen.push(String(error)),
        )
        return seen.includes('503 Service Unavailable')
      }
      await until('the circuit breaker is open', isOpen, { withinMs: 30_000, everyMs: 200 })
      expect(seen).toContain('504 Gateway Timeout')
    } finally {
      await compose(stack, ['unpause', services.ws])
    }
    for (const of of [exempt, stack]) {
      const again = async () => (await ask(url(of, 'LAB_PORT', paths.apiInfo))).status === 200
      await until('a request succeeds', again, { withinMs: 30_000 })
    }
  })
})
