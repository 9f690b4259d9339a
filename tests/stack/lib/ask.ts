/** Sends single HTTP requests with headers and TLS options that `fetch` does not allow. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { TLSSocket } from 'node:tls'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** The negotiated TLS version, such as TLSv1.3; null without TLS. */
  tls: string | null
}

export interface Asked {
  headers?: Record<string, string>
  method?: string
  /** Certificates of the authorities that are trusted; if undefined, every certificate is accepted. */
  ca?: string
  /** The host name for which the server's certificate must be valid; by default, the host of the address. */
  servername?: string
  /** The only TLS version that the client offers. */
  version?: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
}

/** Sends a request. If an upgrade is accepted, the response has status 101. Rejects if there is no response, or no trusted certificate. */
export function ask(url: string, { headers = {}, method = 'GET', ca, servername, version }: Asked = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const only = version === undefined ? {} : { minVersion: version, maxVersion: version }
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca }
  const name = servername === undefined ? {} : { servername }
  const options = { method, headers, timeout: 10_000, agent: false, ...trust, ...name, ...only } as const
  const call = url.startsWith('https') ? httpsRequest(url, options) : httpRequest(url, options)
  call.on('response', (response) => {
    const tls = response.socket instanceof Object && 'getProtocol' in response.socket ? (response.socket as TLSSocket).getProtocol() : null
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString(), tls }),
    )
  })
  call.on('upgrade', (response, socket) => {
    socket.destroy()
    resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '', tls: null })
  })
  call.on('timeout', () => call.destroy(new Error('no answer')))
  call.on('error', reject).end()
  return promise
}

/** Headers of a WebSocket handshake. */
export const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}
