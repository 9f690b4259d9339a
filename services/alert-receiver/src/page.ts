/** Renders the page of the latest alerts as one HTML document without scripts or external resources. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { html, raw } from 'hono/html'
import type { ReceivedAlert } from './notification.ts'

const style = readFileSync(new URL('./page/style.css', import.meta.url), 'utf8')

/** Content security policy that allows only the page's own style sheet. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * @param alerts the alerts to show, newest first
 * @param size the maximum number of stored alerts
 * @returns an HTML document that reloads itself every five seconds
 */
export function alertsPage(alerts: readonly ReceivedAlert[], size: number) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width">
<title>Alerts of the WebSocket scaling lab</title>
<style>${raw(style)}</style>
</head>
<body>
<main>
<h1>Alerts</h1>
<p>The latest alerts from Alertmanager, at most ${size}, newest first. Times are UTC.</p>
${alerts.length === 0 ? html`<p>No alert has arrived yet. Watchdog always fires, so it arrives within a minute.</p>` : table(alerts)}
</main>
</body>
</html>
`
}

function table(alerts: readonly ReceivedAlert[]) {
  return html`<table>
<thead><tr><th>Received</th><th>Status</th><th>Severity</th><th>Alert</th><th>What</th><th>Labels</th></tr></thead>
<tbody>
${alerts.map(row)}
</tbody>
</table>`
}

function row({ receivedAt, status, labels, annotations }: ReceivedAlert) {
  const { alertname = '', severity = '', ...others } = labels
  const named = Object.entries(others).map(([name, value]) => html`<code>${name}=${value}</code> `)
  return html`<tr class="${status}">
<td><time>${receivedAt.slice(0, 19).replace('T', ' ')}</time></td>
<td>${status}</td>
<td>${severity}</td>
<td>${alertname}</td>
<td>${annotations.summary} ${annotations.description} ${link('runbook', annotations.runbook_url)} ${link('dashboard', annotations.dashboard_url)}</td>
<td>${named}</td>
</tr>
`
}

/** Returns an HTML link, or an empty string if the URL is not a web address. */
function link(words: string, url: string | undefined) {
  return url !== undefined && /^https?:\/\//.test(url) ? html`<a href="${url}" rel="noreferrer">${words}</a>` : ''
}
