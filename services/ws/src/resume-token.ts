/**
 * Signs and verifies resume tokens, which have the form `session.scope.number.expiry.signature`. Anyone who has a resume token can continue
 * its session, so tokens are signed and expire. The token contains the scope of the client's message ids, because the stores may be
 * unavailable when the client resumes its session.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

export interface TokenClaim {
  sessionId: string
  /** The scope within which the client's message ids are unique: the id of this session, or of the session that it replaced. */
  idScope: string
  /**
   * The number of the token within its session. A token is refused if its number is lower than the oldest number that the session still
   * accepts.
   */
  number: number
}

export type TokenResult = ({ ok: true } & TokenClaim) | { ok: false; why: 'invalid' | 'expired' }

/** Creates a token. @param expiresAtMs the expiry time on the wall clock, in milliseconds since 1970 */
export function signToken(secret: KeyObject, { sessionId, idScope, number }: TokenClaim, expiresAtMs: number): string {
  const scope = idScope === sessionId ? '' : idScope
  const body = `${sessionId}.${scope}.${number.toString(36)}.${Math.floor(expiresAtMs).toString(36)}`
  return `${body}.${signature(secret, body)}`
}

/** Verifies a resume token from a client. Never throws. Signatures are compared in constant time. */
export function verifyToken(secret: KeyObject, token: string, nowMs: number): TokenResult {
  const [sessionId, scope, number, expiry, given, ...rest] = token.split('.')
  if (!sessionId || scope === undefined || !number || !expiry || !given || rest.length > 0) return { ok: false, why: 'invalid' }
  const expected = Buffer.from(signature(secret, `${sessionId}.${scope}.${number}.${expiry}`))
  const shown = Buffer.from(given)
  if (shown.length !== expected.length || !timingSafeEqual(shown, expected)) return { ok: false, why: 'invalid' }
  if (Number.parseInt(expiry, 36) <= nowMs) return { ok: false, why: 'expired' }
  return { ok: true, sessionId, idScope: scope || sessionId, number: Number.parseInt(number, 36) }
}

function signature(secret: KeyObject, body: string): string {
  return createHmac('sha256', secret).update(body).digest('base64url')
}
