/** Serves the three metrics APIs to the API server, which forwards the controller's requests (API aggregation). */
import { createServer } from 'node:https'
import { LabError } from '@lab/host/lab-error.ts'
import { until } from '@lab/host/until.ts'
import type { ControlPlane } from './control-plane.ts'
import { metricsAnswer, type Reported } from './core/metrics-api.ts'
import { apiServiceObject, metricsApis, metricsService, metricsServiceObject } from './core/objects.ts'

const availableWithinMs = 60_000

export interface MetricsServer {
  close(): Promise<void>
}

/**
 * Starts the server and registers its APIs. Resolves when the API server forwards requests to it.
 * @param reported returns what the APIs report in a namespace
 */
export async function serveMetrics(plane: ControlPlane, reported: (namespace: string) => Reported | undefined): Promise<MetricsServer> {
  const server = createServer(plane.tls, ({ url = '' }, response) => {
    const [path = ''] = url.split('?')
    const answer = metricsAnswer(path, reported, Date.now() / 1000)
    const status = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'NotFound',
      code: 404,
      message: 'the metric is not recorded',
    }
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? status))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new LabError('the metrics server has no port')
  await plane.api.create(`/api/v1/namespaces/${metricsService.namespace}/services`, metricsServiceObject())
  for (const api of metricsApis) await plane.api.create('/apis/apiregistration.k8s.io/v1/apiservices', apiServiceObject(api, address.port))
  for (const { group, version } of metricsApis) {
    await until(`the API server reaches ${group}`, () => plane.api.get(`/apis/${group}/${version}`), {
      withinMs: availableWithinMs,
      stop: plane.ended,
    })
  }
  return {
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
