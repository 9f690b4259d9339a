import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signToken, verifyToken } from './resume-token.ts'

const secret = createSecretKey(Buffer.from('a secret of the tests'))

const claim = { sessionId: 'session-1', idScope: 'session-0', number: 40 }

test('a token identifies its session until it expires', () => {
  const token = signToken(secret, claim, 5_000)
  expect(verifyToken(secret, token, 4_999)).toEqual({ ok: true, ...claim })
  const own = { ...claim, idScope: 'session-1' }
  expect(verifyToken(secret, signToken(secret, own, 5_000), 0)).toEqual({ ok: true, ...own })
  expect(verifyToken(secret, token, 5_000)).toEqual({ ok: false, why: 'expired' })
})

test('a token is invalid with another secret, session, scope, number or expiry, or a changed character', () => {
  const token = signToken(secret, claim, 5_000)
  expect(verifyToken(createSecretKey(Buffer.from('another secret')), token, 0)).toEqual({ ok: false, why: 'invalid' })
  for (let i = 0; i < token.length; i++) {
    const changed = token.slice(0, i) + (token[i] === 'x' ? 'y' : 'x') + token.slice(i + 1)
    expect(verifyToken(secret, changed, 0)).toEqual({ ok: false, why: 'invalid' })
  }
})

test('a text that is not a token is invalid and causes no exception', () => {
  for (const text of ['', '.', '..', 'a.b', 'a.b.c.d', 'a.b.c.d.e', `${signToken(secret, claim, 9)}.`]) {
    expect(verifyToken(secret, text, 0)).toEqual({ ok: false, why: 'invalid' })
  }
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !verifyToken(secret, text, 0).ok))
})
