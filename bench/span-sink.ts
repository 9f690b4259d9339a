/** Takes spans as Jaeger would, and counts them: so that a bench of tracing that sends nothing is noticed. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SpanSink {
  /** Where spans go. */
  url: string
  /** Spans taken so far. */
  taken(): number
}

/** Listens on a free port until the process ends. */
export async function startSpanSink(): Promise<SpanSink> {
  let taken = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      taken += Buffer.concat(chunks).toString().split('"spanId":').length - 1
      response.setHeader('content-type', 'application/json').end('{}')
    })
  }).listen(0, '127.0.0.1')
  server.unref()
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`, taken: () => taken }
}
