/** Decides which requests a server on a local port refuses: those from foreign web pages and those for foreign host names. Pure. */

import { failure, type Result, success } from './result.ts'

/** The parts of a request that determine whether it is refused. */
export interface RequestSource {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  /** The Sec-Fetch-Site, Sec-Fetch-Mode and Sec-Fetch-Dest headers, which browsers set and web pages cannot change. */
  readonly site: string | undefined
  readonly mode: string | undefined
  readonly dest: string | undefined
}

/**
 * Returns the parts of a request that refusalOf() needs.
 * @param header a function that returns the value of a header, given its lower-case name
 */
export function sourceOf(method: string, header: (name: string) => string | undefined): RequestSource {
  return {
    method,
    host: header('host'),
    origin: header('origin'),
    site: header('sec-fetch-site'),
    mode: header('sec-fetch-mode'),
    dest: header('sec-fetch-dest'),
  }
}

/** Matches localhost and IP addresses. Any other host name could belong to an attacker and resolve to this machine (DNS rebinding). */
const ownHost = /^(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d{1,5})?$/i

/**
 * Returns one line that explains why a request is refused, or null if the request is accepted. Programs other than browsers send no Origin
 * header, and their requests are accepted. The file traefik/dynamic/pages.yaml implements the same rules for the Compose lab.
 * @param allowed additional allowed origins, such as https://lab.example:8443; their hosts are also allowed
 */
export function refusalOf({ method, host, origin, site, mode, dest }: RequestSource, allowed: readonly string[]): string | null {
  if (host === undefined || !(ownHost.test(host) || allowed.some((one) => new URL(one).host === host)))
    return `Host ${host ?? ''}: allowed are localhost, IP addresses, and the hosts of ALLOWED_ORIGINS`
  if (origin !== undefined)
    return origin === `http://${host}` || allowed.includes(origin)
      ? null
      : `Origin ${origin}: allowed are the origin of this server, and ALLOWED_ORIGINS`
  const isLink = method === 'GET' && mode === 'navigate' && dest === 'document'
  return (site === 'cross-site' || site === 'same-site') && !isLink
    ? 'Sec-Fetch-Site: allowed are requests from pages of this server'
    : null
}

/** Parses the ALLOWED_ORIGINS setting by the same rules as traefik/start.sh. */
export function allowedOrigins(text = ''): Result<readonly string[]> {
  if (/^(https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(,|$))*$/.test(text)) return success(text.split(',').filter(Boolean))
  return failure(`ALLOWED_ORIGINS=${text}: allowed are origins separated by commas, such as https://lab.example,http://localhost:5173`)
}
