/** The HTTP face of the receiver. Listens to nothing and reads no clock, so tests need no port. */
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
  /** Runbooks by the name of their alert, as Markdown. */
  runbooks: ReadonlyMap<string, string>
  now: () => Date
  /** Tells of each alert, and of each notification that was refused. */
  print: (line: AlertLine | RefusedLine) => void
}

export type AlertLine = { event: 'alert' } & ReceivedAlert
export interface RefusedLine {
  event: 'refused'
  receivedAt: string
  problem: string
}

/** Alerts that are kept and shown. */
export const keptAlerts = 100
/** Largest notification, in bytes: a hundred alerts with all their texts take about 150 kB. */
const maxBodyBytes = 1024 * 1024

export function createApp({ metrics, runbooks, now, print }: AppDeps): Hono {
  const app = new Hono()
  const last = new LastAlerts(keptAlerts)

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
    // A page of another origin cannot send this type without asking first, and nobody here says yes.
    if (!c.req.header('content-type')?.startsWith('application/json')) {
      return c.text(`${refuse('invalid', 'content-type: allowed is application/json')}\n`, 415)
    }
    const read = readNotification(await c.req.text(), now().toISOString())
    if (!read.ok) return c.text(`${refuse('invalid', read.problem)}\n`, 400)
    last.add(read.alerts)
    for (const alert of read.alerts) {
      metrics.received(alert)
      print({ event: 'alert', ...alert })
    }
    metrics.truncated(read.truncated)
    return c.text('ok\n')
  })

  app.get(receiverPaths.page, (c) => {
    c.header('content-security-policy', contentSecurityPolicy)
    c.header('cache-control', 'no-store')
    return c.html(alertsPage(last.newestFirst(), keptAlerts))
  })
  app.get(receiverPaths.list, (c) => c.json({ alerts: last.newestFirst() }))
  app.get(receiverPaths.runbook, (c) => {
    const page = runbooks.get(c.req.param('alertname'))
    return page === undefined ? c.text(`No runbook for this alert. There are: ${[...runbooks.keys()].join(', ')}\n`, 404) : c.text(page)
  })
  app.get(receiverPaths.livez, (c) => c.text('ok\n'))
  app.get(receiverPaths.metrics, async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  )
  app.notFound((c) => c.text(`Nothing at ${c.req.path}.\n`, 404))
  return app
}
