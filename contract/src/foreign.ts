/** Decides which requests a server on a local port refuses: requests from foreign web pages, and requests for foreign host names. Pure. */

import { failure, type Result, success } from './result.ts'

/** The parts of a request that determine whether the request is refused. */
export interface RequestSource {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  /** The headers Sec-Fetch-Site, Sec-Fetch-Mode and Sec-Fetch-Dest, which browsers send and pages cannot set. */
  readonly site: string | undefined
  readonly mode: string | undefined
  readonly dest: string | undefined
}

/**
 * Returns the parts of a request that the function refusalOf() needs.
 * @param header a function that returns the value of a header by its name in lower case
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

/**
 * The pattern `ownHost` matches localhost and IP addresses. A host name that `ownHost` does not match could belong to an attacker and
 * resolve to this machine (DNS rebinding).
 */
const ownHost = /^(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d{1,5})?$/i

/**
 * Returns one line that explains why a request is refused, or null if the request is accepted. Programs other than browsers send no Origin
 * header, and their requests are accepted. traefik/dynamic/pages.yaml has the same rules for the lab on Compose. @param allowed the further
 * origins that are allowed, such as https://lab.example:8443; the hosts of these origins are also allowed
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

/** Reads the setting ALLOWED_ORIGINS, by the same rules as traefik/start.sh. */
export function allowedOrigins(text = ''): Result<readonly string[]> {
  if (/^(https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(,|$))*$/.test(text)) return success(text.split(',').filter(Boolean))
  return failure(`ALLOWED_ORIGINS=${text}: allowed are origins separated by commas, such as https://lab.example,http://localhost:5173`)
}
