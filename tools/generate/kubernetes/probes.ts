/** Derives a container's probes from the health check of its Compose service. Pure. */
import { paths, ports } from '@lab/contract/endpoints.ts'
import type { HealthCheck } from '@lab/host/compose-service.ts'
import type { Tree } from './objects.ts'
import { secondsOf } from './quantities.ts'

/**
 * A replica is restarted only after its liveness probe has failed for half a minute, so that a replica that is merely busy is not
 * restarted.
 */
const liveness = { periodSeconds: 10, failureThreshold: 3 }

/** Returns a startup probe and a readiness probe that together have the same effect as Docker's health check. */
export function probes(check: HealthCheck): { startupProbe: Tree; readinessProbe: Tree } {
  const action = actionOf(check.test)
  const timeoutSeconds = secondsOf(check.timeout)
  const startPeriod = secondsOf(check.start_interval)
  return {
    startupProbe: {
      ...action,
      periodSeconds: startPeriod,
      timeoutSeconds,
      failureThreshold: Math.ceil(secondsOf(check.start_period) / startPeriod),
    },
    readinessProbe: { ...action, periodSeconds: secondsOf(check.interval), timeoutSeconds, failureThreshold: check.retries },
  }
}

/** Returns a replica's liveness probe. Compose has no equivalent, because Docker does not restart unhealthy containers. */
export function livenessProbe(check: HealthCheck): Tree {
  return { httpGet: { path: paths.livez, port: ports.internal }, timeoutSeconds: secondsOf(check.timeout), ...liveness }
}

/**
 * Returns a probe's action. If a health check only sends a GET request from inside the container, kubelet sends the request instead, so
 * that the container does not have to start a process for each probe.
 */
function actionOf([kind = '', ...words]: readonly string[]): Tree {
  const text = words.join(' ')
  const [, urlPort, urlPath] = /\bhttp:\/\/127\.0\.0\.1:(\d+)(\/[^\s|]*)/.exec(text) ?? []
  if (urlPath !== undefined) return { httpGet: { path: urlPath, port: Number(urlPort) } }
  const [, port, path, host] = /\/dev\/tcp\/127\.0\.0\.1\/(\d+).*GET (\S+) HTTP\/1\.0(?:\\r\\nHost:(\w+))?/.exec(text) ?? []
  if (path !== undefined) {
    return { httpGet: { path, port: Number(port), ...(host && { httpHeaders: [{ name: 'Host', value: host }] }) } }
  }
  return { exec: { command: kind === 'CMD-SHELL' ? ['sh', '-c', ...words] : words } }
}
