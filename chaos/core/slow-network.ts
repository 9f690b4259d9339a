/** How toxiproxy comes between the replicas and Valkey, and goes again: no name, no address and no replica changes. Pure. */
import { services } from '../../contract/src/endpoints.ts'
import { orders, proxyPorts as ports } from '../inside/proxy.ts'
import type { Scene, Step } from './types.ts'

/** The proxy shares Valkey's network, so it can take the port that Valkey leaves. */
export function behindProxy({ project, replica }: Scene): { begin: Step[]; undo: Step[] } {
  const valkey = `${project}-${services.valkey}-1`
  const cli = (...args: string[]): Step => ({ kind: 'docker', args: ['exec', valkey, 'valkey-cli', ...args] })
  const compose = (...args: string[]): Step => ({
    kind: 'docker',
    args: ['compose', '-p', project, '--profile', 'chaos', ...args],
    withinSeconds: 120,
  })
  const behind = ['-p', String(ports.behind)]
  return {
    begin: [
      compose('up', '--detach', '--no-deps', '--pull', 'missing', services.toxiproxy),
      cli('config', 'set', 'port', String(ports.behind)),
      { kind: 'docker', args: ['exec', `${project}-${replica}`, 'node', '--input-type=module', '-e', orders] },
      // Connections from before go past the proxy.
      cli(...behind, 'client', 'kill', 'type', 'normal'),
      cli(...behind, 'client', 'kill', 'type', 'pubsub'),
    ],
    undo: [compose('rm', '--stop', '--force', services.toxiproxy), cli(...behind, 'config', 'set', 'port', String(ports.public))],
  }
}
