/** Receives the lab's alerts from Alertmanager, prints each one as a line of JSON, counts them, and displays the latest hundred. */
import { readdirSync, readFileSync } from 'node:fs'
import { serve } from '@hono/node-server'
import { ports } from '@lab/contract/endpoints.ts'
import { createApp } from './app.ts'
import { createReceiverMetrics } from './metrics.ts'

const folder = new URL('../../../docs/runbooks/', import.meta.url)
const runbooks = new Map(
  readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => [file.slice(0, -'.md'.length), readFileSync(new URL(file, folder), 'utf8')]),
)

const app = createApp({
  metrics: createReceiverMetrics(),
  runbooks,
  now: () => new Date(),
  print: (line) => process.stdout.write(`${JSON.stringify(line)}\n`),
})

const server = serve({ fetch: app.fetch, port: ports.alerts, serverOptions: { requestTimeout: 10_000, headersTimeout: 5_000 } })
server.on('error', (error) => {
  process.stderr.write(`cannot listen on port ${ports.alerts}: ${error.message}\n`)
  process.exitCode = 1
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close()
    // Alertmanager keeps its HTTP connection open, and resends notifications that it could not deliver.
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
}
