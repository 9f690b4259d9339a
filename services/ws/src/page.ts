/** The test client page, with a content security policy that allows its own script and style and nothing else. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface Page {
  html: string
  contentSecurityPolicy: string
}

/** Reads page.html and works out the hashes of what is inline in it. */
export function loadPage(): Page {
  const html = readFileSync(new URL('./page.html', import.meta.url), 'utf8')
  const hashes = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, 'g'))]
      .map(([, body = '']) => `'sha256-${createHash('sha256').update(body).digest('base64')}'`)
      .join(' ')
  const contentSecurityPolicy = [
    "default-src 'none'",
    `script-src ${hashes('script')}`,
    `style-src ${hashes('style')}`,
    // connect-src 'self' covers ws: and wss: of the same host.
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return { html, contentSecurityPolicy }
}
