/** Resume tokens: `session.expiry.signature`. Whoever holds one may continue that session, so they are signed and expire. */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

export type TokenVerdict = { ok: true; sessionId: string } | { ok: false; why: 'invalid' | 'expired' }

/** Makes the token of a session. @param expiresAtMs wall-clock time, milliseconds since 1970 */
export function signToken(secret: KeyObject, sessionId: string, expiresAtMs: number): string {
  const body = `${sessionId}.${Math.floor(expiresAtMs).toString(36)}`
  return `${body}.${signature(secret, body)}`
}

/** Checks a token somebody showed us. Never throws, and takes the same time for every wrong signature. */
export function verifyToken(secret: KeyObject, token: string, nowMs: number): TokenVerdict {
  const [sessionId, expiry, given, ...rest] = token.split('.')
  if (!sessionId || !expiry || !given || rest.length > 0) return { ok: false, why: 'invalid' }
  const expected = Buffer.from(signature(secret, `${sessionId}.${expiry}`))
  const shown = Buffer.from(given)
  if (shown.length !== expected.length || !timingSafeEqual(shown, expected)) return { ok: false, why: 'invalid' }
  return Number.parseInt(expiry, 36) > nowMs ? { ok: true, sessionId } : { ok: false, why: 'expired' }
}

function signature(secret: KeyObject, body: string): string {
  return createHmac('sha256', secret).update(body).digest('base64url')
}
