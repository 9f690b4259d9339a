/** What the scaler tells over HTTP: its metrics, that it lives, and that it has begun to decide. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { paths } from '@lab/contract/endpoints.ts'

export interface Endpoints {
  readonly port: number
  readonly close: () => Promise<void>
}

export interface ServedState {
  /** The text of /metrics and its media type. */
  readonly metrics: () => Promise<{ readonly body: string; readonly type: string }>
  /** Why the loop does not make progress; null: it does. */
  readonly stuck: () => string | null
  /** Whether the first synchronisation is done. */
  readonly ready: () => boolean
}

/** Listens on all addresses. Rejects when the port is taken. */
export async function serve(port: number, state: ServedState): Promise<Endpoints> {
  const answer = async (path: string): Promise<{ status: number; body: string; type?: string }> => {
    if (path === paths.metrics) return { status: 200, ...(await state.metrics()) }
    if (path === paths.livez) return verdict(state.stuck())
    if (path === paths.readyz) return verdict(state.ready() ? state.stuck() : 'has not decided yet')
    return { status: 404, body: `not found; there are ${paths.metrics}, ${paths.livez} and ${paths.readyz}\n` }
  }
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
    answer(new URL(request.url ?? '/', 'http://scaler').pathname)
      .catch((error: unknown) => ({ status: 500, body: `${String(error)}\n`, type: 'text/plain' }))
      .then(({ status, body, type = 'text/plain' }) => response.writeHead(status, { 'content-type': type }).end(body))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, () => resolve())
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function verdict(problem: string | null): { status: number; body: string } {
  return problem === null ? { status: 200, body: 'ok\n' } : { status: 503, body: `${problem}\n` }
}
