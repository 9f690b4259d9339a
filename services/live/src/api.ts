/** Implements the live page's server, which serves the page and the lab's state, and carries out the commands that the page sends. */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import {
  type Disturbance,
  type EmbeddedOrder,
  type EmbeddedState,
  embeddedBounds,
  embeddedOrders,
  embeddedPaths,
  hitsReplica,
  type LiveSnapshot,
} from '@lab/contract/embedded-api.ts'
import { refusalOf, sourceOf } from '@lab/contract/foreign.ts'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { streamSSE } from 'hono/streaming'
import type { z } from 'zod'

/** The data that the server provides, and the live page's commands that it carries out. */
export interface Actions {
  snapshot(): LiveSnapshot
  /** Returns the scaler's latest decisions, oldest first. */
  decisions(): EmbeddedState['decisions']
  /** The folder that contains the scaler's decision log. */
  stateFolder: string
  /**
   * The supported commands of the live page. The server refuses unsupported commands with 404, and the page displays shell commands in
   * place of their controls.
   */
  orders: Partial<Orders>
}
export type Orders = { [K in EmbeddedOrder]: (given: z.infer<(typeof embeddedOrders)[K]>) => void | Promise<void> }

/** Maximum size of a command's request body. Bytes. */
const maxOrderBytes = 1_024

/** Refuses requests with a body that is larger than the given number of bytes. */
export function atMost(bytes: number): MiddlewareHandler {
  return bodyLimit({ maxSize: bytes, onError: (c) => c.json({ error: `body: allowed are at most ${bytes} bytes` }, 413) })
}

/** Refuses requests with a larger body than a command needs. */
export const tooLong = atMost(maxOrderBytes)

/** Interval between state messages to the page. Milliseconds. */
const sendStateEveryMs = 500
/** Maximum number of live pages that may be open at the same time. */
const maxWatchers = 20

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}

/** Returns the content type of a page's file. */
export function contentType(file: string): string {
  return types[file.split('.').at(-1) ?? ''] ?? 'text/plain'
}

/** Returns the style sheet that the lab's pages share. */
export function sharedStyle(): string {
  return readFileSync(new URL('./page/style.css', import.meta.url), 'utf8')
}

/**
 * Refuses requests from foreign pages, and adds headers that restrict what a page may load.
 * @param allowed as for createApi()
 */
export function protect(allowed: readonly string[] | null): MiddlewareHandler {
  return async (c, next) => {
    const source = sourceOf(c.req.method, (name) => c.req.header(name))
    const refusal = allowed && refusalOf(source, allowed)
    if (refusal !== null) return c.json({ error: refusal }, 403)
    c.header('content-security-policy', policy)
    c.header('x-content-type-options', 'nosniff')
    c.header('cache-control', 'no-store')
    return next()
  }
}

/**
 * Creates the HTTP app, without listening on a port.
 * @param allowed additional origins that may read the state and send commands; null if a router in front of the server has already checked
 * the Host and Origin headers
 */
export function createApi(actions: Actions, entryUrl: string, log: (line: string) => void, allowed: readonly string[] | null): Hono {
  const app = new Hono()
  let watchers = 0
  app.use(protect(allowed))
  const attribute = (value: unknown) => JSON.stringify(value).replaceAll('"', '&quot;')
  for (const file of ['index.html', 'style.css', 'picture.css', 'live.js', 'drawing.js']) {
    const text = readFileSync(new URL(`./page/${file}`, import.meta.url), 'utf8')
      .replaceAll('{{entry}}', entryUrl)
      .replace('{{state}}', embeddedPaths.state)
      .replace('{{paths}}', attribute(embeddedPaths))
      .replace('{{orders}}', attribute(Object.keys(actions.orders)))
      .replace('{{bounds}}', attribute(embeddedBounds))
    app.get(file === 'index.html' ? '/' : `/${file}`, (c) => c.body(text, 200, { 'content-type': contentType(file) }))
  }
  app.get(embeddedPaths.state, (c) => {
    const { stateFolder } = actions
    return c.json({ ...actions.snapshot(), entry: entryUrl, stateFolder, decisions: actions.decisions() })
  })
  app.get(embeddedPaths.events, (c) => {
    if (watchers >= maxWatchers) return c.json({ error: `the maximum of ${maxWatchers} open pages is reached` }, 503)
    return streamSSE(c, async (stream) => {
      watchers++
      stream.onAbort(() => void watchers--)
      while (!stream.aborted) {
        await stream.writeSSE({ data: JSON.stringify(actions.snapshot()) })
        await stream.sleep(sendStateEveryMs)
      }
    })
  })

  for (const [kind, act] of Object.entries(actions.orders) as [EmbeddedOrder, (given: object) => void | Promise<void>][]) {
    app.post(embeddedPaths[kind], tooLong, async (c) => {
      const given: unknown = await c.req.json().catch(() => undefined)
      if (given === undefined) return c.json({ error: 'body: allowed is JSON' }, 400)
      const parsed = embeddedOrders[kind].safeParse(given)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        return c.json({ error: `${issue?.path.join('.') || 'body'}: ${issue?.message}` }, 400)
      }
      const { id, kind: disturbance } = parsed.data as { id?: string; kind?: Disturbance }
      const running = actions.snapshot().replicas.map((one) => one.id)
      const allowed = running.join(', ') || 'none, because no replica is running'
      const needsReplica = 'id' in embeddedOrders[kind].shape && (disturbance === undefined || hitsReplica(disturbance))
      if (needsReplica && id === undefined) return c.json({ error: `id: missing; allowed are ${allowed}` }, 400)
      if (needsReplica && id !== undefined && !running.includes(id))
        return c.json({ error: `id: no replica ${JSON.stringify(id)}; allowed are ${allowed}` }, 404)
      if (kind === 'k6Load' && actions.snapshot().k6 === null) return c.json({ error: 'no k6 run is in progress' }, 409)
      // The page shows the outcome of a slow command as part of the lab's state, so the server only needs to log a failure.
      act(parsed.data)?.catch((error: unknown) => log(`${embeddedPaths[kind]} failed: ${String(error)}`))
      return c.json({ ok: true })
    })
  }
  app.notFound((c) => c.json({ error: `the path ${c.req.path} does not exist` }, 404))
  return app
}

/**
 * Serves the page. The promise rejects if the port is not available.
 * @param hostname the address to listen on; in a container, all addresses, so that Docker can publish the port
 */
export function servePage(app: Hono, port: number, hostname = '127.0.0.1'): Promise<{ port: number; close(): void }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, port, hostname })
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
