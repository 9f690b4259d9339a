/**
 * Defines a replica's HTTP routes, such as the test client page, the WebSocket endpoints and the probes. The app itself neither listens on
 * a port nor reads the clock.
 */
import type { HttpBindings } from '@hono/node-server'
import { closeCodes } from '@lab/contract/close-codes.ts'
import { connectionIdHeader, paths, refusedHeader, replicaHeader, requestIdHeader, stickyCookie } from '@lab/contract/endpoints.ts'
import { clientMessageTypes, connectionIdPattern, serverMessageTypes } from '@lab/contract/messages.ts'
import type { RefusalCause, ReplicaState } from '@lab/contract/metrics.ts'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Registry } from 'prom-client'
import type { Config } from './config.ts'
import type { Meter } from './metrics.ts'
import type { Page } from './page.ts'
import type { Log } from './ports.ts'
import type { Tracer } from './telemetry/tracer.ts'
import type { Upgrade } from './upgrade.ts'

/** The replica's state, as reported by the health route. */
export interface Status {
  state(): ReplicaState
  connections(): number
  uptimeSeconds(): number
  drain(): { socketsLeft: number; secondsLeft: number }
  /** The replica's dependencies by name, each with its kind and whether it is available. */
  dependencies(): Record<string, { kind: string; up: boolean }>
}

export interface AppDeps {
  config: Config
  replica: string
  version: string
  status: Status
  meter: Meter
  registry: Registry
  upgrade: Upgrade
  page: Page
  newId: () => string
  log: Log
  tracer: Tracer
}

/** The variables stored in a request's Hono context. */
export type Vars = { Variables: { requestId: string; connectionId?: string } }

/**
 * Creates the public app, which serves WebSockets, the test client page, and the health and info routes. The public app never serves
 * metrics.
 */
export function createApp(deps: AppDeps): Hono<Vars> {
  const { config, status, meter, page } = deps
  const app = new Hono<Vars>()
  app.use(requestIds(deps))
  app.use(oneHost)

  const connect = (c: Context<Vars>, connectionId: string) => {
    if (!isUpgrade(c))
      return upgradeRequired(c, 'This path expects a WebSocket handshake: GET with Connection: Upgrade, Upgrade: websocket and one Host.')
    // The ws library also accepts version 8 of the WebSocket protocol, and other spellings of version 13, such as 13.0.
    const version = c.req.header('sec-websocket-version')
    if (version !== '13') {
      c.header('sec-websocket-version', '13')
      return refuse(c, meter, 'bad_handshake', 400, `Sec-WebSocket-Version ${JSON.stringify(version)}: allowed is 13`)
    }
    if (!validConnectionId.test(connectionId)) {
      return refuse(
        c,
        meter,
        'bad_connection_id',
        400,
        `connection id ${JSON.stringify(connectionId.slice(0, 80))}: allowed is what matches ${connectionIdPattern}`,
      )
    }
    // Nothing is awaited between this check and the opening of the socket, so concurrent upgrades cannot exceed the connection limit.
    if (status.connections() >= config.MAX_CONNECTIONS) {
      c.header('retry-after', '1')
      return refuse(c, meter, 'limit', 503, `the replica has reached its limit of ${config.MAX_CONNECTIONS} connections`)
    }
    c.set('connectionId', connectionId)
    const who = { connectionId, requestId: c.get('requestId') }
    return deps.upgrade(c, { ...who, span: deps.tracer.upgrade(c.req.header('traceparent'), who) })
  }
  app.get(paths.ws, (c) => connect(c, deps.newId()))
  app.get(paths.wsChat, (c) => connect(c, c.req.param('connectionId') ?? ''))

  app.get(paths.page, (c) => {
    c.header('content-security-policy', page.contentSecurityPolicy)
    return c.html(page.html)
  })
  app.get(paths.pageModules, (c) => {
    const script = page.modules.get(c.req.path)
    if (script === undefined) return c.notFound()
    // The page's script modules must all be of the same version, so a browser must not combine new modules with cached ones.
    c.header('cache-control', 'no-cache')
    return c.body(script, 200, { 'content-type': 'text/javascript; charset=utf-8' })
  })
  app.post(paths.forgetReplica, (c) => {
    c.header('set-cookie', `${stickyCookie}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`)
    return c.body(null, 204)
  })
  app.get(paths.health, (c) => c.json(health(deps)))
  app.get(paths.apiHealth, (c) => c.json(health(deps)))
  app.get(paths.apiInfo, (c) => c.json(info(deps)))
  for (const path of [paths.apiMetrics, paths.apiMetricsRegion]) {
    app.get(path, (c) =>
      upgradeRequired(c, `This path serves no metrics: query Prometheus instead. For messages, open a WebSocket at ${paths.ws}.`),
    )
  }
  addProbes(app, status)
  app.get(paths.metrics, (c) => problem(c, 403, 'forbidden', `Only the internal port serves ${paths.metrics}.`))
  app.notFound((c) => {
    if (isUpgrade(c)) return refuse(c, meter, 'unknown_path', 404, `no WebSocket at ${c.req.path}; use ${paths.ws} or ${paths.wsChat}`)
    return problem(c, 404, 'not_found', `The path ${c.req.path} does not exist.`)
  })
  app.onError((error, c) => {
    deps.log.error({ err: error, requestId: c.get('requestId') }, 'request failed')
    return problem(c, 500, 'internal', 'The request failed; the error has been logged.')
  })
  return app
}

/** Creates the internal app, which serves metrics and probes inside the lab's network. */
export function createInternalApp({
  status,
  registry,
  onScraped,
}: Pick<AppDeps, 'status' | 'registry'> & { onScraped: () => void }): Hono<Vars> {
  const app = new Hono<Vars>()
  app.get(paths.metrics, async (c) => {
    const bindings = c.env as Partial<HttpBindings> | undefined
    // `onScraped` is called only after the metrics response has been sent, because it may close the internal port.
    bindings?.outgoing?.once('finish', onScraped)
    return c.body(await registry.metrics(), 200, { 'content-type': registry.contentType })
  })
  addProbes(app, status)
  return app
}

/** Assigns an id to every request, adds the replica's name to the response, and counts the request. */
function requestIds({ newId, replica, meter }: AppDeps): MiddlewareHandler<Vars> {
  return async (c, next) => {
    const given = c.req.header(requestIdHeader)
    const requestId = given !== undefined && validRequestId.test(given) ? given : newId()
    c.set('requestId', requestId)
    await next()
    // Headers are set directly on the response, because `c.header()` would copy the response for every upgrade.
    c.res.headers.set(requestIdHeader, requestId)
    c.res.headers.set(replicaHeader, replica)
    const connectionId = c.get('connectionId')
    if (connectionId !== undefined) c.res.headers.set(connectionIdHeader, connectionId)
    if (!isUpgrade(c)) meter.http(c.res.status === 404 ? 'unmatched' : routePath(c, -1), c.req.method, c.res.status)
  }
}

/** Refuses a request with more than one Host header (RFC 9112, section 3.2). Node itself refuses a request without a Host header. */
const oneHost: MiddlewareHandler = async (c, next) => {
  const incoming = (c.env as Partial<HttpBindings> | undefined)?.incoming
  if (incoming !== undefined && countHosts(incoming.rawHeaders) > 1)
    return problem(c, 400, 'several_hosts', 'Several Host headers: allowed is one.')
  return next()
}

/**
 * Returns the number of Host headers in a request.
 * @param rawHeaders alternating header names and values, as Node provides them
 */
export function countHosts(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host').length
}

const validConnectionId = new RegExp(connectionIdPattern)
const validRequestId = /^[A-Za-z0-9._-]{1,128}$/

/**
 * Whether the request is a valid WebSocket upgrade. A request with an Upgrade header but without `Connection: upgrade` receives an ordinary
 * HTTP response.
 */
function isUpgrade(c: Context): boolean {
  const bindings = c.env as Partial<HttpBindings> | undefined
  return c.req.header('upgrade')?.toLowerCase() === 'websocket' && bindings?.outgoing === undefined
}

/**
 * Adds the probes. The liveness probe succeeds as long as the replica responds, and the readiness probe fails while the replica is starting
 * or draining. A full replica still counts as ready, although it refuses upgrades with 503.
 */
function addProbes(app: Hono<Vars>, status: Status): void {
  const live = (c: Context) => c.text('ok\n')
  const ready = (c: Context) => {
    const state = status.state()
    return state === 'ready' ? c.text('ready\n') : c.text(`${state}\n`, 503)
  }
  for (const path of [paths.healthz, paths.livez, paths.healthLiveness]) app.get(path, live)
  for (const path of [paths.readyz, paths.healthReadiness]) app.get(path, ready)
}

function health({ replica, version, status, config }: AppDeps) {
  const state = status.state()
  const dependencies = status.dependencies()
  const degraded = Object.values(dependencies).some(({ up }) => !up)
  return {
    status: state === 'ready' ? (degraded ? 'degraded' : 'ok') : state,
    replica,
    version,
    colour: config.LAB_COLOUR,
    connections: status.connections(),
    connectionsLimit: config.MAX_CONNECTIONS,
    uptimeSeconds: status.uptimeSeconds(),
    dependencies,
    ...(state === 'draining' && { drain: status.drain() }),
  }
}

function info({ replica, version, config }: AppDeps) {
  return {
    name: 'websocket-scaling-lab',
    version,
    colour: config.LAB_COLOUR,
    node: process.version,
    replica,
    websocket: { paths: [paths.ws, paths.wsChat], clientMessageTypes, serverMessageTypes, closeCodes },
    limits: {
      connections: config.MAX_CONNECTIONS,
      frameBytes: config.MAX_FRAME_BYTES,
      messagesPerSecond: config.MAX_MESSAGES_PER_SECOND,
      sendBufferBytes: config.MAX_SEND_BUFFER_BYTES,
      rooms: config.MAX_ROOMS_PER_CONNECTION,
    },
    heartbeatIntervalMs: config.HEARTBEAT_INTERVAL,
    connectionTimeoutMs: config.CONNECTION_TIMEOUT,
  }
}

function upgradeRequired(c: Context, hint: string): Response {
  c.header('upgrade', 'websocket')
  c.header('connection', 'upgrade')
  return problem(c, 426, 'upgrade_required', hint)
}

/**
 * Refuses an upgrade and counts the refusal. The HTTP adapter sends no response body when an upgrade is refused, so the reason is also sent
 * in a response header.
 */
function refuse(c: Context, meter: Meter, cause: RefusalCause, status: 400 | 404 | 503, text: string): Response {
  meter.refused(cause)
  c.header(refusedHeader, `${cause}: ${text}`.replace(/[^\x20-\x7e]/g, '?'))
  return problem(c, status, cause, text)
}

function problem(c: Context, status: 400 | 403 | 404 | 426 | 500 | 503, code: string, message: string): Response {
  return c.json({ error: { code, message } }, status)
}
