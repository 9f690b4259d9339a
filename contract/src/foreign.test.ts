/**
 * Tests that requests from foreign pages or for foreign host names are refused. Requests from the lab's own page, from links on other
 * pages, and from programs other than browsers must be accepted.
 */
import { describe, expect, test } from 'vitest'
import { allowedOrigins, type RequestSource, refusalOf } from './foreign.ts'

const program: RequestSource = {
  method: 'GET',
  host: 'localhost:8000',
  origin: undefined,
  site: undefined,
  mode: undefined,
  dest: undefined,
}
const allowed = ['https://lab.example:8443', 'http://localhost:5173']
const refuse = (changes: Partial<RequestSource>) => refusalOf({ ...program, ...changes }, allowed)

test.each<[string, Partial<RequestSource>]>([
  ['a program', {}],
  ['a program that uses an IPv4 address', { host: '192.0.2.1:8000' }],
  ['a program that uses an IPv6 address', { host: '[::1]:8000' }],
  ['a program that uses no port', { host: '127.0.0.1' }],
  ['the page of the server itself', { method: 'POST', origin: 'http://localhost:8000', site: 'same-origin' }],
  ['an origin of ALLOWED_ORIGINS', { origin: 'http://localhost:5173', site: 'same-site' }],
  ['the host of an origin of ALLOWED_ORIGINS', { host: 'lab.example:8443', origin: 'https://lab.example:8443' }],
  ['a typed address', { site: 'none', mode: 'navigate', dest: 'document' }],
  ['a link on another page', { site: 'cross-site', mode: 'navigate', dest: 'document' }],
])('%s is accepted', (_what, changes) => {
  expect(refuse(changes)).toBeNull()
})

test.each<[string, Partial<RequestSource>, RegExp]>([
  ['no host', { host: undefined }, /^Host/],
  ['a foreign host', { host: 'evil.example' }, /^Host evil\.example/],
  ['a foreign host that begins with localhost', { host: 'localhost.evil.example:8000' }, /^Host/],
  ['a host whose name is a hexadecimal number', { host: 'fade.cafe' }, /^Host/],
  ['two hosts', { host: 'localhost:8000, evil.example' }, /^Host/],
  ['a foreign origin', { origin: 'http://evil.example' }, /^Origin http/],
  ['a foreign origin with its own host name', { host: 'evil.example', origin: 'http://evil.example' }, /^Host/],
  ['a sandbox', { origin: 'null' }, /^Origin null/],
  ['another port', { origin: 'http://localhost:8001' }, /^Origin/],
  ['another scheme', { origin: 'https://localhost:8000' }, /^Origin/],
  ['an image on a foreign page', { site: 'cross-site', mode: 'no-cors', dest: 'image' }, /^Sec-Fetch-Site/],
  ['a frame', { site: 'same-site', mode: 'navigate', dest: 'iframe' }, /^Sec-Fetch-Site/],
  ['a form', { method: 'POST', site: 'cross-site', mode: 'navigate', dest: 'document' }, /^Sec-Fetch-Site/],
])('%s is refused', (_what, changes, why) => {
  expect(refuse(changes)).toMatch(why)
})

describe('ALLOWED_ORIGINS', () => {
  test('is a comma-separated list of origins', () => {
    expect(allowedOrigins(undefined)).toEqual({ ok: true, value: [] })
    expect(allowedOrigins(allowed.join(','))).toEqual({ ok: true, value: allowed })
  })

  test.each(['evil', '*', 'http://a/', 'http://a, http://b', 'ftp://a'])('%s is refused', (text) => {
    expect(allowedOrigins(text)).toEqual({ ok: false, problems: [expect.stringContaining(`ALLOWED_ORIGINS=${text}: allowed are origins`)] })
  })
})
