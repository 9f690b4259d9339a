/** What a replica is called: as it is told, as Docker's DNS knows its container, or as the host is called. */
import { resolvePtr } from 'node:dns/promises'
import { hostname, networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from './config.ts'

/** How long the name may keep the start waiting. Milliseconds. */
const patienceMs = 1_000

/** The replica's name. Never fails: without an answer it is the host name. */
export async function replicaName(config: Config): Promise<string> {
  if (config.REPLICA_ID !== '') return config.REPLICA_ID
  if (config.REPLICA_DNS_PREFIX === '') return hostname()
  const named = Promise.any(ownAddresses().map(async (address) => nameAfterPrefix(await namesOf(address), config.REPLICA_DNS_PREFIX)))
  return Promise.race([named.catch(hostname), sleep(patienceMs, hostname(), { ref: false })])
}

/**
 * The part of a container's DNS name that follows the prefix, up to the first dot: `ws-1` of `lab-ws-1.lab_stores`.
 * Throws when no name begins with it.
 */
export function nameAfterPrefix(names: string[], prefix: string): string {
  const name = names.find((candidate) => candidate.startsWith(prefix))
  if (name === undefined) throw new Error(`no name of ${names.join(', ')} begins with ${prefix}`)
  return name.slice(prefix.length).split('.')[0] as string
}

/** Asked of the DNS server itself: a reverse lookup would stop at /etc/hosts, where the container's id stands. */
function namesOf(address: string): Promise<string[]> {
  return resolvePtr(`${address.split('.').reverse().join('.')}.in-addr.arpa`)
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address)
}
