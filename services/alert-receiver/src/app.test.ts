import { receiverPaths } from '@lab/contract/endpoints.ts'
import { receiverMetrics } from '@lab/contract/receiver-metrics.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { type AppDeps, createApp, maxStoredAlerts } from './app.ts'
import { createReceiverMetrics } from './metrics.ts'

type Line = Parameters<AppDeps['print']>[0]

let lines: Line[]
let app: ReturnType<typeof createApp>

beforeEach(() => {
  lines = []
  const runbooks = new Map([['ReplicaDown', '# ReplicaDown\n']])
  app = createApp({
    metrics: createReceiverMetrics(),
    runbooks,
    now: () => new Date('2026-01-02T03:04:05Z'),
    print: (line) => lines.push(line),
  })
})

function alert(labels: Record<string, string>, { status = 'firing', annotations = {} as Record<string, string> } = {}) {
  return { status, labels, annotations, startsAt: '2026-01-02T03:00:00.123456789Z', endsAt: '0001-01-01T00:00:00Z', fingerprint: 'x' }
}

function post(body: unknown, type = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return app.request(receiverPaths.webhook, { method: 'POST', body: text, headers: { 'content-type': type } })
}

const notification = (...alerts: unknown[]) => ({ version: '4', status: 'firing', receiver: 'local', alerts })
const text = async (path: string) => (await app.request(path)).text()

describe('a notification', () => {
  test('is printed, counted and displayed, the newest first', async () => {
    const annotations = { summary: 'Replica ws-1 is full.', runbook_url: 'http://localhost:9094/runbooks/ConnectionsAtLimit' }
    const first = alert({ alertname: 'ConnectionsAtLimit', severity: 'critical', replica: 'ws-1' }, { annotations })
    expect((await post(notification(first))).status).toBe(200)
    expect((await post(notification({ ...first, status: 'resolved', endsAt: '2026-01-02T03:03:00Z' }))).status).toBe(200)

    expect(lines).toMatchObject([
      { event: 'alert', status: 'firing', endsAt: null, receivedAt: '2026-01-02T03:04:05.000Z', labels: { replica: 'ws-1' } },
      { event: 'alert', status: 'resolved', endsAt: '2026-01-02T03:03:00Z' },
    ])
    const counted = await text(receiverPaths.metrics)
    expect(counted).toContain(`${receiverMetrics.alerts.name}{alertname="ConnectionsAtLimit",status="firing"} 1`)
    expect(counted).toContain(`${receiverMetrics.alerts.name}{alertname="ConnectionsAtLimit",status="resolved"} 1`)
    const page = await text(receiverPaths.page)
    expect(page).toContain('Replica ws-1 is full.')
    expect(page).toContain(`href="${annotations.runbook_url}"`)
    expect(page.indexOf('class="resolved"')).toBeLessThan(page.indexOf('class="firing"'))
    const { alerts } = JSON.parse(await text(receiverPaths.list)) as { alerts: { status: string }[] }
    expect(alerts.map(({ status }) => status)).toEqual(['resolved', 'firing'])
  })

  test.each([
    ['not JSON', '{', /^the body is not JSON/],
    ['another version', { version: '3', alerts: [] }, /^version: /],
    ['an alert without labels', notification({ status: 'firing' }), /^alerts\.0\.labels: /],
    ['an unknown status', notification(alert({}, { status: 'silenced' })), /^alerts\.0\.status: /],
    ['too many alerts', notification(...Array.from({ length: 201 }, () => alert({}))), /^alerts: /],
    [
      'too many labels',
      notification(alert(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`l${i}`, ''])))),
      /labels: more than 32/,
    ],
  ])('with %s is refused with one line that names the problem, and counted', async (_what, body, problem) => {
    const answer = await post(body)
    expect(answer.status).toBe(400)
    expect(await answer.text()).toMatch(problem)
    expect(lines).toMatchObject([{ event: 'refused', problem: expect.stringMatching(problem) }])
    expect(await text(receiverPaths.metrics)).toContain(`${receiverMetrics.rejected.name}{cause="invalid"} 1`)
  })

  test('with a content type that needs no CORS preflight is refused', async () => {
    expect((await post(notification(alert({ alertname: 'Fake' })), 'text/plain')).status).toBe(415)
    expect(await text(receiverPaths.page)).not.toContain('Fake')
  })

  test('that is too large is refused', async () => {
    const answer = await post(' '.repeat(1024 * 1024 + 1))
    expect(answer.status).toBe(413)
    expect(await text(receiverPaths.metrics)).toContain(`${receiverMetrics.rejected.name}{cause="too_large"} 1`)
  })

  test('reports how many alerts Alertmanager omitted', async () => {
    await post({ ...notification(alert({ alertname: 'A' })), truncatedAlerts: 7 })
    expect(await text(receiverPaths.metrics)).toContain(`${receiverMetrics.truncated.name} 7`)
  })
})

describe('the stored data', () => {
  test('are the last hundred alerts', async () => {
    for (let i = 0; i < maxStoredAlerts + 20; i++) await post(notification(alert({ alertname: `A${i}` })))
    const { alerts } = JSON.parse(await text(receiverPaths.list)) as { alerts: { labels: { alertname: string } }[] }
    expect(alerts).toHaveLength(maxStoredAlerts)
    expect(alerts[0]?.labels.alertname).toBe(`A${maxStoredAlerts + 19}`)
    // All alert names beyond the first hundred share one metric series.
    expect(await text(receiverPaths.metrics)).toContain(`${receiverMetrics.alerts.name}{alertname="other",status="firing"} 20`)
  })

  test('have a limited length', async () => {
    await post(notification(alert({ alertname: 'Long' }, { annotations: { summary: 'x'.repeat(100_000) } })))
    expect((await text(receiverPaths.list)).length).toBeLessThan(2000)
  })
})

describe('the page', () => {
  test('has a policy that allows only its own style', async () => {
    const answer = await app.request(receiverPaths.page)
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/default-src 'none'; style-src 'sha256-/)
    expect(policy).not.toContain('unsafe')
    expect(await answer.text()).not.toMatch(/<script|src=|url\(|https?:/)
  })

  test('displays alerts as text, and links only to web addresses', async () => {
    const annotations = {
      summary: '<img src=x onerror=alert(1)>',
      runbook_url: 'javascript:alert(1)',
      dashboard_url: 'http://localhost:3000/d/x?a="',
    }
    await post(notification(alert({ alertname: '<b>' }, { annotations })))
    const page = await text(receiverPaths.page)
    expect(page).not.toContain('<img')
    expect(page).not.toContain('<b>')
    expect(page).not.toContain('javascript:')
    expect(page).toContain('href="http://localhost:3000/d/x?a=&quot;"')
  })
})

test('runbooks are served by the name of their alert', async () => {
  expect(await text('/runbooks/ReplicaDown')).toBe('# ReplicaDown\n')
  const missing = await app.request('/runbooks/Nothing')
  expect(missing.status).toBe(404)
  expect(await missing.text()).toContain('ReplicaDown')
})

test('the liveness probe succeeds', async () => {
  expect((await app.request(receiverPaths.livez)).status).toBe(200)
})
