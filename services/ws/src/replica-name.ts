/** Determines a replica's name from the REPLICA_ID setting, from the container's name in Docker's DNS, or from the host name. */
import { resolvePtr } from 'node:dns/promises'
import { hostname, networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from './config.ts'

/** Maximum time by which the DNS query may delay the replica's start. Milliseconds. */
const patienceMs = 1_000

/** Returns the name of this replica. If the DNS server does not respond, the host name is used. */
export async function replicaName(config: Config): Promise<string> {
  if (config.REPLICA_ID !== '') return config.REPLICA_ID
  if (config.REPLICA_DNS_PREFIX === '') return hostname()
  const named = Promise.any(ownAddresses().map(async (address) => nameAfterPrefix(await namesOf(address), config.REPLICA_DNS_PREFIX)))
  return Promise.race([named.catch(hostname), sleep(patienceMs, hostname(), { ref: false })])
}

/**
 * Returns the part of a container's DNS name between the prefix and the first dot, for example `ws-1` for `lab-ws-1.lab_stores`. Throws if
 * none of the container's DNS names begins with the prefix.
 */
export function nameAfterPrefix(names: string[], prefix: string): string {
  const name = names.find((candidate) => candidate.startsWith(prefix))
  if (name === undefined) throw new Error(`no name of ${names.join(', ')} begins with ${prefix}`)
  return name.slice(prefix.length).split('.')[0] as string
}

/** Queries the DNS server directly, because a system lookup would return the container id from /etc/hosts. */
function namesOf(address: string): Promise<string[]> {
  return resolvePtr(`${address.split('.').reverse().join('.')}.in-addr.arpa`)
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address)
}
