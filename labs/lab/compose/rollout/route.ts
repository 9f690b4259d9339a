/**
 * Routes new connections to updated replicas during a rollout, so that each client moves only once. The replica with the fewest sockets
 * receives the most connections, so that no sockets have to be rebalanced afterwards. The route is written to a file of Traefik's dynamic
 * configuration.
 */
import { paths, ports, stickyCookie } from '@lab/contract/endpoints.ts'
import { type RouteFile, readHardened, removeRouteFile, routeFileText, writeRouteFile } from './route-file.ts'

export interface RouteServer {
  /** IP address of the replica in the network that it shares with Traefik. */
  readonly address: string
  /** The number of sockets that the replica has received, as a fraction of an equal share of all sockets; 1 means its full share. */
  readonly filled: number
}

const heaviest = 100

/**
 * Returns a weight from 1 to 100 for each replica, in proportion to the sockets that it still lacks; the minimum is 1, so that every
 * replica stays in the pool. Pure.
 */
export function weightsOf(servers: readonly RouteServer[]): number[] {
  const missing = servers.map(({ filled }) => Math.max(0, 1 - filled))
  const most = Math.max(...missing)
  return missing.map((one) => (most === 0 ? 1 : Math.max(1, Math.round((heaviest * one) / most))))
}

/** Returns the content of a rollout's route file. If no updated replica is healthy, Traefik falls back to all replicas. Pure. */
export function rolloutRoutes(project: string, servers: readonly RouteServer[]): RouteFile {
  const weights = weightsOf(servers)
  const updated = {
    loadBalancer: {
      servers: servers.map(({ address }, index) => ({ url: `http://${address}:${ports.public}`, weight: weights[index] })),
      sticky: { cookie: { name: stickyCookie, httpOnly: true, sameSite: 'lax' } },
      serversTransport: 'replicas',
      healthCheck: { path: paths.readyz, port: ports.internal, interval: '1s', timeout: '3s' },
    },
  }
  return {
    project,
    routes: [{ name: 'rollout', rule: undefined, service: 'rollout', priority: 0 }],
    services: { rollout: { failover: { service: 'updated', fallback: 'ws@docker' } }, updated },
  }
}

/** Writes a rollout's route file, or removes it if there is no updated replica. */
export async function writeRoute(project: string, servers: readonly RouteServer[]): Promise<void> {
  if (servers.length === 0) return removeRoute(project)
  await writeRouteFile('rollout', project, routeFileText(rolloutRoutes(project, servers), await readHardened()))
}

export function removeRoute(project: string): Promise<void> {
  return removeRouteFile('rollout', project)
}
