/** Provides the scaler's HTTP server, with endpoints for metrics, liveness and readiness. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { paths, scalerPaths } from '@lab/contract/endpoints.ts'

export interface Endpoints {
  readonly port: number
  readonly close: () => Promise<void>
}

/** Metrics in a format that Prometheus reads, and the media type of this format. */
export interface Exposition {
  readonly body: string
  readonly type: string
}

export interface ServedState {
  /** Returns the scaler's own metrics. */
  readonly metrics: () => Promise<Exposition>
  /** Returns the metrics that kube-state-metrics would export in a cluster. */
  readonly kubeState: () => Promise<Exposition>
  /** Returns the reason why the control loop is stuck, or null if it is making progress. */
  readonly stuck: () => string | null
  /** Whether the first sync has finished. */
  readonly ready: () => boolean
}

/** The paths that the server serves, for messages. */
export const servedPaths = [paths.metrics, scalerPaths.kubeState, paths.livez, paths.readyz].join(', ')

/** Starts the HTTP server on all addresses. Rejects if the server's port is already in use. */
export async function serve(port: number, state: ServedState): Promise<Endpoints> {
  const answer = async (path: string): Promise<{ status: number; body: string; type?: string }> => {
    if (path === paths.metrics) return { status: 200, ...(await state.metrics()) }
    if (path === scalerPaths.kubeState) return { status: 200, ...(await state.kubeState()) }
    if (path === paths.livez) return probeAnswer(state.stuck())
    if (path === paths.readyz) return probeAnswer(state.ready() ? state.stuck() : 'no decision yet')
    return { status: 404, body: `not found; allowed are ${servedPaths}\n` }
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

function probeAnswer(problem: string | null): { status: number; body: string } {
  return problem === null ? { status: 200, body: 'ok\n' } : { status: 503, body: `${problem}\n` }
}
