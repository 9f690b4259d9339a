/** The HTTP face of a replica: routes, refusals and probes. Listens to nothing and reads no clock, so tests need no port. */
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

/** What the app shows of the replica. */
export interface Status {
  state(): ReplicaState
  connections(): number
  uptimeSeconds(): number
  drain(): { socketsLeft: number; secondsLeft: number }
  /** Each dependency: what it is and whether it answers. */
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

/** What a request carries through the app. */
export type Vars = { Variables: { requestId: string; connectionId?: string } }

/** The public app: sockets, page, health, info. Never serves metrics. */
export function createApp(deps: AppDeps): Hono<Vars> {
  const { config, status, meter, page } = deps
  const app = new Hono<Vars>()
  app.use(requestIds(deps))

  const connect = (c: Context<Vars>, connectionId: string) => {
    if (!isUpgrade(c))
      return upgradeRequired(c, 'This path speaks WebSocket: a GET with Connection: Upgrade, Upgrade: websocket, and a plain Host.')
    if (!validConnectionId.test(connectionId)) {
      return refuse(
        c,
        meter,
        'bad_connection_id',
        400,
        `connection id ${JSON.stringify(connectionId.slice(0, 80))}: allowed is what matches ${connectionIdPattern}`,
      )
    }
    // From here to the open socket nothing waits for the outside, so the count can't be overrun by upgrades side by side.
    if (status.connections() >= config.MAX_CONNECTIONS) {
      c.header('retry-after', '1')
      return refuse(c, meter, 'limit', 503, `all ${config.MAX_CONNECTIONS} connections are taken`)
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
    // They belong together: after an update none of the old ones may be left.
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
      upgradeRequired(c, `No metrics here, nor on a socket: ask Prometheus. Messages come over a WebSocket: connect to ${paths.ws}.`),
    )
  }
  addProbes(app, status)
  app.get(paths.metrics, (c) => problem(c, 403, 'forbidden', `${paths.metrics} is served on the internal port only.`))
  app.notFound((c) => {
    if (isUpgrade(c)) return refuse(c, meter, 'unknown_path', 404, `no socket at ${c.req.path}; there are ${paths.ws} and ${paths.wsChat}`)
    return problem(c, 404, 'not_found', `Nothing at ${c.req.path}.`)
  })
  app.onError((error, c) => {
    deps.log.error({ err: error, requestId: c.get('requestId') }, 'request failed')
    return problem(c, 500, 'internal', 'Something failed on our side; it has been logged.')
  })
  return app
}

/** The internal app: metrics and probes, for the inside of the lab. */
export function createInternalApp({
  status,
  registry,
  onScraped,
}: Pick<AppDeps, 'status' | 'registry'> & { onScraped: () => void }): Hono<Vars> {
  const app = new Hono<Vars>()
  app.get(paths.metrics, async (c) => {
    const bindings = c.env as Partial<HttpBindings> | undefined
    // Once the answer has left: who waits for the last scrape closes this port next.
    bindings?.outgoing?.once('finish', onScraped)
    return c.body(await registry.metrics(), 200, { 'content-type': registry.contentType })
  })
  addProbes(app, status)
  return app
}

/** Names every request, tells which replica answered, and counts it. */
function requestIds({ newId, replica, meter }: AppDeps): MiddlewareHandler<Vars> {
  return async (c, next) => {
    const given = c.req.header(requestIdHeader)
    const requestId = given !== undefined && validRequestId.test(given) ? given : newId()
    c.set('requestId', requestId)
    await next()
    // Set on the response that is there: c.header() would copy it, for every upgrade too.
    c.res.headers.set(requestIdHeader, requestId)
    c.res.headers.set(replicaHeader, replica)
    const connectionId = c.get('connectionId')
    if (connectionId !== undefined) c.res.headers.set(connectionIdHeader, connectionId)
    if (!isUpgrade(c)) meter.http(c.res.status === 404 ? 'unmatched' : routePath(c, -1), c.req.method, c.res.status)
  }
}

const validConnectionId = new RegExp(connectionIdPattern)
const validRequestId = /^[A-Za-z0-9._-]{1,128}$/

/** Whether this is an upgrade, not only a request that has the header (without `Connection: upgrade`, say): those have a plain response. */
function isUpgrade(c: Context): boolean {
  const bindings = c.env as Partial<HttpBindings> | undefined
  return c.req.header('upgrade')?.toLowerCase() === 'websocket' && bindings?.outgoing === undefined
}

/** Live while the process answers; ready only while it wants new sockets. A full replica is still ready: it refuses by itself. */
function addProbes(app: Hono<Vars>, status: Status): void {
  const live = (c: Context) => c.text('ok\n')
  const ready = (c: Context) => {
    const state = status.state()
    return state === 'ready' ? c.text('ready\n') : c.text(`${state}\n`, 503)
  }
  for (const path of [paths.healthz, paths.livez, paths.healthLiveness]) app.get(path, live)
  for (const path of [paths.readyz, paths.healthReadiness]) app.get(path, ready)
}

function health({ replica, status, config }: AppDeps) {
  const state = status.state()
  const dependencies = status.dependencies()
  const degraded = Object.values(dependencies).some(({ up }) => !up)
  return {
    status: state === 'ready' ? (degraded ? 'degraded' : 'ok') : state,
    replica,
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

/** Refuses an upgrade and counts it. The adapter sends no body with a refused upgrade, so the reason also goes in a header. */
function refuse(c: Context, meter: Meter, cause: RefusalCause, status: 400 | 404 | 503, text: string): Response {
  meter.refused(cause)
  c.header(refusedHeader, `${cause}: ${text}`.replace(/[^\x20-\x7e]/g, '?'))
  return problem(c, status, cause, text)
}

function problem(c: Context, status: 400 | 403 | 404 | 426 | 500 | 503, code: string, message: string): Response {
  return c.json({ error: { code, message } }, status)
}
