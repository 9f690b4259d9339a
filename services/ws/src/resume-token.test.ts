import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signToken, verifyToken } from './resume-token.ts'

const secret = createSecretKey(Buffer.from('a secret of the tests'))

test('a token names its session until it expires', () => {
  const token = signToken(secret, 'session-1', 5_000)
  expect(verifyToken(secret, token, 4_999)).toEqual({ ok: true, sessionId: 'session-1' })
  expect(verifyToken(secret, token, 5_000)).toEqual({ ok: false, why: 'expired' })
})

test('another secret, another session, another expiry or any changed character is invalid', () => {
  const token = signToken(secret, 'session-1', 5_000)
  expect(verifyToken(createSecretKey(Buffer.from('another secret')), token, 0)).toEqual({ ok: false, why: 'invalid' })
  for (let i = 0; i < token.length; i++) {
    const changed = token.slice(0, i) + (token[i] === 'x' ? 'y' : 'x') + token.slice(i + 1)
    expect(verifyToken(secret, changed, 0)).toEqual({ ok: false, why: 'invalid' })
  }
})

test('what is no token is invalid, and never an exception', () => {
  for (const text of ['', '.', '..', 'a.b', 'a.b.c', 'a.b.c.d', `${signToken(secret, 's', 9)}.`]) {
    expect(verifyToken(secret, text, 0)).toEqual({ ok: false, why: 'invalid' })
  }
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !verifyToken(secret, text, 0).ok))
})
