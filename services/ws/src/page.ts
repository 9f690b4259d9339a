/** The test client page, in one piece, with a content security policy that allows its own script and style and nothing else. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { closeCodes } from '@lab/contract/close-codes.ts'
import { paths } from '@lab/contract/endpoints.ts'

export interface Page {
  html: string
  contentSecurityPolicy: string
}

/** Puts style, script and the contract's names into the page, and works out the hashes that its policy allows. */
export function loadPage(): Page {
  const read = (name: string) => readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8')
  const names = {
    wsPath: paths.ws,
    closeCodes: Object.values(closeCodes),
    // Closing with this one leaves the session to be resumed.
    movingOn: closeCodes.moving_on.code,
  }
  const style = read('style.css')
  const script = fill(read('client.js'), 'const contract = {}', `const contract = ${JSON.stringify(names)}`)
  const html = fill(
    fill(read('index.html'), '<style></style>', `<style>${style}</style>`),
    '<script type="module"></script>',
    `<script type="module">${script}</script>`,
  )
  const contentSecurityPolicy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    // 'self' covers ws: and wss: of the same host.
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return { html, contentSecurityPolicy }
}

/** Replaces a placeholder that must be there: a page without its script would fail in the browser only. */
function fill(text: string, placeholder: string, content: string): string {
  const parts = text.split(placeholder)
  if (parts.length !== 2) throw new Error(`the page has ${parts.length - 1} places for ${placeholder}, not one`)
  return parts.join(content)
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
