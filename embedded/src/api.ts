/** The live page of the embedded lab and what its buttons do. Listens on 127.0.0.1 only, and takes orders from its own page only. */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { streamSSE } from 'hono/streaming'
import { z } from 'zod'
import { allowedSeconds } from '../../chaos/core/seconds.ts'
import { type Chaos, type ChaosFault, chaosFaults, hitsReplica } from './chaos.ts'
import { maxSockets } from './load.ts'
import type { Snapshot } from './snapshot.ts'

/** What the page may ask for. */
export interface Actions {
  snapshot(): Snapshot
  setLoad(sockets: number): void
  kill(id: string): Promise<void>
  drain(id: string): Promise<void>
  pause(paused: boolean): void
  setTarget(connections: number): void
  setScaleDown(rules: { windowSeconds: number; pods: number; periodSeconds: number } | null): void
  setReplicas(count: number): Promise<void>
  decisions(): object[]
  chaos: Pick<Chaos, 'begin' | 'undo'>
}

/** Most replicas by hand. */
const maxReplicas = 20

const whole = (min: number, max: number) => {
  const error = `allowed is a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}
const fault = z.enum(chaosFaults, { error: `allowed are ${chaosFaults.join(', ')}` })
const orders = {
  load: z.strictObject({ sockets: whole(0, maxSockets) }),
  pause: z.strictObject({ paused: z.boolean({ error: 'allowed is true or false' }) }),
  target: z.strictObject({ connections: whole(1, 10_000) }),
  scaleDown: z.strictObject({
    rules: z.strictObject({ windowSeconds: whole(0, 3600), pods: whole(1, 100), periodSeconds: whole(1, 1800) }).nullable(),
  }),
  replicas: z.strictObject({ count: whole(1, maxReplicas) }),
  replica: z.strictObject({ id: z.string({ error: 'allowed is the name of a replica, as in ws-1' }) }),
  // What hits no replica needs no name of one.
  chaos: z.strictObject({ fault, id: z.string(), seconds: whole(allowedSeconds.min, allowedSeconds.max) }),
  // Its replica may be gone: that may be the fault.
  undo: z.strictObject({ fault, of: z.string() }),
} as const
/** Largest order. Bytes. */
const maxOrderBytes = 1_024

const tooLong = bodyLimit({
  maxSize: maxOrderBytes,
  onError: (c) => c.json({ error: `body: allowed are at most ${maxOrderBytes} bytes` }, 413),
})

/** How often the page is told. Milliseconds. */
const tellMs = 500
/** Pages that may look on at once. */
const maxWatchers = 20

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}

/** The app without its port. */
export function createApi(actions: Actions, entryUrl: string, say: (line: string) => void): Hono {
  const app = new Hono()
  let watchers = 0
  app.use(async (c, next) => {
    // A foreign name that leads here, and a foreign page that sends orders, are turned away.
    const host = (c.req.header('host') ?? '').replace(/:\d+$/, '')
    if (!['127.0.0.1', 'localhost', '[::1]'].includes(host))
      return c.json({ error: `Host ${host}: allowed are 127.0.0.1 and localhost` }, 403)
    if (c.req.method !== 'GET' && isForeign(c.req.header('origin'), c.req.header('host'), c.req.header('sec-fetch-site')))
      return c.json({ error: 'orders come from the page itself' }, 403)
    c.header('content-security-policy', policy)
    c.header('x-content-type-options', 'nosniff')
    c.header('cache-control', 'no-store')
    return next()
  })
  for (const [path, file] of [
    ['/', 'index.html'],
    ['/style.css', 'style.css'],
    ['/live.js', 'live.js'],
  ] as const) {
    const text = readFileSync(new URL(`./page/${file}`, import.meta.url), 'utf8').replace('{{entry}}', entryUrl)
    app.get(path, (c) => c.body(text, 200, { 'content-type': types[file.split('.').at(-1) ?? ''] ?? 'text/plain' }))
  }
  app.get('/api/state', (c) => c.json({ ...actions.snapshot(), entry: entryUrl, decisions: actions.decisions() }))
  app.get('/api/events', (c) => {
    if (watchers >= maxWatchers) return c.json({ error: `at most ${maxWatchers} pages look on at once` }, 503)
    return streamSSE(c, async (stream) => {
      watchers++
      stream.onAbort(() => void watchers--)
      while (!stream.aborted) {
        await stream.writeSSE({ data: JSON.stringify(actions.snapshot()) })
        await stream.sleep(tellMs)
      }
    })
  })

  const order = <K extends keyof typeof orders>(path: string, kind: K, act: (given: z.infer<(typeof orders)[K]>) => void | Promise<void>) =>
    app.post(path, tooLong, async (c) => {
      const given: unknown = await c.req.json().catch(() => undefined)
      if (given === undefined) return c.json({ error: 'body: allowed is JSON' }, 400)
      const parsed = orders[kind].safeParse(given)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        return c.json({ error: `${issue?.path.join('.') || 'body'}: ${issue?.message}` }, 400)
      }
      const { id, fault } = parsed.data as { id?: string; fault?: ChaosFault }
      if (id !== undefined && (fault === undefined || hitsReplica(fault))) {
        const there = actions.snapshot().replicas.map((replica) => replica.id)
        if (!there.includes(id))
          return c.json({ error: `id: there is no ${JSON.stringify(id)}, only ${there.join(', ') || 'nobody'}` }, 404)
      }
      // What takes long shows in the state; only that it could not be done is said here.
      const acting = act(parsed.data as z.infer<(typeof orders)[K]>)
      acting?.catch((error: unknown) => say(`${path} failed: ${String(error)}`))
      return c.json({ ok: true })
    })
  order('/api/load', 'load', ({ sockets }) => actions.setLoad(sockets))
  order('/api/pause', 'pause', ({ paused }) => actions.pause(paused))
  order('/api/target', 'target', ({ connections }) => actions.setTarget(connections))
  order('/api/scale-down', 'scaleDown', ({ rules }) => actions.setScaleDown(rules))
  order('/api/replicas', 'replicas', ({ count }) => actions.setReplicas(count))
  order('/api/kill', 'replica', ({ id }) => actions.kill(id))
  order('/api/drain', 'replica', ({ id }) => actions.drain(id))
  order('/api/chaos', 'chaos', ({ fault, id, seconds }) => actions.chaos.begin(fault, id, seconds))
  order('/api/chaos/undo', 'undo', ({ fault, of }) => actions.chaos.undo(fault, of))
  app.notFound((c) => c.json({ error: `nothing at ${c.req.path}` }, 404))
  return app
}

/** Whether an order was made by a page of somebody else. Programs that are no browsers say nothing of where they come from. */
function isForeign(origin: string | undefined, host: string | undefined, site: string | undefined): boolean {
  if (origin !== undefined && origin !== `http://${host}`) return true
  return site !== undefined && site !== 'same-origin'
}

/** Serves the page. Rejects when the port can't be had. */
export function servePage(app: Hono, port: number): Promise<{ port: number; close(): void }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
    server.once('error', reject)
    server.once('listening', () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () => {
          server.close()
          if ('closeAllConnections' in server) server.closeAllConnections()
        },
      })
    })
  })
}
