/** Receives and counts spans in place of Jaeger, so that the benchmark can detect if none are sent. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SpanSink {
  /** The address to which the service sends spans. */
  url: string
  /** Returns the number of received spans. */
  taken(): number
}

/** Starts the span receiver on a free port, where it runs until the process exits. */
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
