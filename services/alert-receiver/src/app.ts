/** Defines the HTTP routes of the alert receiver. The app itself neither listens on a port nor reads the clock. */
import { receiverPaths } from '@lab/contract/endpoints.ts'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { LastAlerts } from './last-alerts.ts'
import type { ReceiverMetrics } from './metrics.ts'
import { type ReceivedAlert, readNotification } from './notification.ts'
import { alertsPage, contentSecurityPolicy } from './page.ts'

export interface AppDeps {
  metrics: ReceiverMetrics
  /** Markdown runbooks, by alert name. */
  runbooks: ReadonlyMap<string, string>
  now: () => Date
  /** Prints a received alert or a refused notification. */
  print: (line: AlertLine | RefusedLine) => void
}

export type AlertLine = { event: 'alert' } & ReceivedAlert
export interface RefusedLine {
  event: 'refused'
  receivedAt: string
  problem: string
}

/** Maximum number of alerts that the receiver stores and displays; older alerts are dropped. */
export const maxStoredAlerts = 100
/** Maximum size of a notification in bytes; a hundred alerts with all their labels and annotations take about 150 kB. */
const maxBodyBytes = 1024 * 1024

export function createApp({ metrics, runbooks, now, print }: AppDeps): Hono {
  const app = new Hono()
  const last = new LastAlerts(maxStoredAlerts)

  const refuse = (cause: 'invalid' | 'too_large', problem: string) => {
    metrics.rejected(cause)
    print({ event: 'refused', receivedAt: now().toISOString(), problem })
    return problem
  }
  const tooLarge = bodyLimit({
    maxSize: maxBodyBytes,
    onError: (c) => c.text(`${refuse('too_large', `the body is larger than ${maxBodyBytes} bytes`)}\n`, 413),
  })

  app.use(secureHeaders({ strictTransportSecurity: false, xFrameOptions: 'DENY' }))
  app.post(receiverPaths.webhook, tooLarge, async (c) => {
    // A page from another origin can send JSON only after a CORS preflight, which this server does not allow.
    if (!c.req.header('content-type')?.startsWith('application/json')) {
      return c.text(`${refuse('invalid', 'content-type: allowed is application/json')}\n`, 415)
    }
    const read = readNotification(await c.req.text(), now().toISOString())
    if (!read.ok) return c.text(`${refuse('invalid', read.problems.join('; '))}\n`, 400)
    const { alerts, truncated } = read.value
    last.add(alerts)
    for (const alert of alerts) {
      metrics.received(alert)
      print({ event: 'alert', ...alert })
    }
    metrics.truncated(truncated)
    return c.text('ok\n')
  })

  app.get(receiverPaths.page, (c) => {
    c.header('content-security-policy', contentSecurityPolicy)
    c.header('cache-control', 'no-store')
    return c.html(alertsPage(last.newestFirst(), maxStoredAlerts))
  })
  app.get(receiverPaths.list, (c) => c.json({ alerts: last.newestFirst() }))
  app.get(receiverPaths.runbook, (c) => {
    const page = runbooks.get(c.req.param('alertname'))
    return page === undefined ? c.text(`No runbook for this alert. Available: ${[...runbooks.keys()].join(', ')}\n`, 404) : c.text(page)
  })
  app.get(receiverPaths.livez, (c) => c.text('ok\n'))
  app.get(receiverPaths.metrics, async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  )
  app.notFound((c) => c.text(`The path ${c.req.path} does not exist.\n`, 404))
  return app
}
