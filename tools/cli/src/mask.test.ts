/** Checks that a report contains no secrets. */

import { settings } from '@lab/ws/config.ts'
import { expect, test } from 'vitest'
import { isSecret, maskedLines, maskedValue, maskText, secretsOf } from './mask.ts'

test('every setting that the service declares as secret is treated as a secret', () => {
  const secret = Object.entries(settings).flatMap(([name, setting]) => ('secret' in setting ? [name] : []))
  expect(secret).toContain('RESUME_SECRET')
  expect(secret.filter((name) => !isSecret(name))).toEqual([])
  expect(['DB_PASSWORD', 'GITHUB_TOKEN', 'API_KEY'].filter((name) => !isSecret(name))).toEqual([])
  expect(['LAB_PORT', 'GF_AUTH_ANONYMOUS_ENABLED', 'KEYBOARD'].filter(isSecret)).toEqual([])
})

test('a secret is masked in plain, JSON-encoded and URL-encoded form', () => {
  const secrets = secretsOf({ RESUME_SECRET: 'say "hello" & go', LAB_PORT: 'not a secret' }, { MY_TOKEN: 'abcdef', TOKEN2: 'abcdefgh' })
  const text = `plain say "hello" & go, ${JSON.stringify({ a: 'say "hello" & go' })}, ?q=${encodeURIComponent('say "hello" & go')}, abcdefgh`
  expect(maskText(text, secrets)).toBe('plain ***, {"a":"***"}, ?q=***, ***')
  expect(maskText('not a secret', secrets)).toBe('not a secret')
})

test('user names and passwords in URLs are masked', () => {
  expect(maskText('HTTP Proxy: http://anna:geheim@proxy:3128/ http://localhost:8000/a@b', [])).toBe(
    'HTTP Proxy: http://***@proxy:3128/ http://localhost:8000/a@b',
  )
})

test('a short secret is masked by its variable name, but its value is not masked in other words', () => {
  expect(secretsOf({ MY_TOKEN: 'ws' })).toEqual([])
  expect(maskedLines({ MY_TOKEN: 'ws', NAME: 'ws-1', EMPTY_TOKEN: '' }, [])).toBe('MY_TOKEN=***\nNAME=ws-1\nEMPTY_TOKEN=\n')
  expect(maskedValue({ a: [{ MY_TOKEN: 'ws', n: 1, b: null }] })).toEqual({ a: [{ MY_TOKEN: '***', n: 1, b: null }] })
})
