/**
 * The test client page and its scripts. The scripts are the lab's own TypeScript, of which the types are blanked out when
 * the service starts: what the page runs is what the tests run. The policy allows them and the page's style, nothing else.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { posix } from 'node:path'
import { paths } from '@lab/contract/endpoints.ts'

export interface Page {
  html: string
  contentSecurityPolicy: string
  /** Scripts by the path they are served under. */
  modules: ReadonlyMap<string, string>
}

const root = new URL('../../../', import.meta.url)
const entry = 'services/ws/src/page/test-client.ts'

/** Puts style and script into the page, and gathers the modules that the script needs. */
export function loadPage(): Page {
  const read = (name: string) => readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8')
  const style = read('style.css')
  const html = fill(
    fill(read('index.html'), '<style></style>', `<style>${style}</style>`),
    '<script type="module" src=""></script>',
    `<script type="module" src="${pathOf(entry)}"></script>`,
  )
  const contentSecurityPolicy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src ${hashOf(style)}`,
    // 'self' covers ws: and wss: of the same host.
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return { html, contentSecurityPolicy, modules: modulesFrom(entry) }
}

/** A module and all that it imports, by the paths they are served under. @param first path in the repository */
function modulesFrom(first: string): Map<string, string> {
  const modules = new Map<string, string>()
  const waiting = [first]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (modules.has(pathOf(file))) continue
    const script = withoutTypes(readFileSync(new URL(file, root), 'utf8'))
    modules.set(pathOf(file), script)
    for (const [, from = ''] of script.matchAll(/^(?:import|export)\b[\w\s{},*]*?\bfrom '([^']+)'/gm)) {
      if (!from.startsWith('.')) throw new Error(`${file} imports ${from}: a browser finds relative paths only`)
      waiting.push(posix.join(posix.dirname(file), from))
    }
  }
  return modules
}

function pathOf(file: string): string {
  return paths.pageModules.replace('*', file)
}

/** Node says each time it starts that this function may still change; its version is pinned, and the tests would notice. */
function withoutTypes(source: string): string {
  const { emitWarning } = process
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).startsWith('stripTypeScriptTypes ')) Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    return stripTypeScriptTypes(source)
  } finally {
    process.emitWarning = emitWarning
  }
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
