/**
 * Prepares the test client page and its scripts. The page's scripts are TypeScript modules from this repository. Types are stripped from
 * the script modules when the service starts, so the browser runs the same code that the tests cover. The content security policy allows
 * only the page's own scripts and style.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { posix } from 'node:path'
import { paths } from '@lab/contract/endpoints.ts'

export interface Page {
  html: string
  contentSecurityPolicy: string
  /** The scripts, by the path at which they are served. */
  modules: ReadonlyMap<string, string>
}

const root = new URL('../../../', import.meta.url)
const entry = 'services/ws/src/page/test-client.ts'

/** Inserts the style and the script into the page, and collects the modules that the script imports. */
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
    // In a content security policy, 'self' includes ws: and wss: connections to the same host.
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return { html, contentSecurityPolicy, modules: modulesFrom(entry) }
}

/**
 * Returns a module and the modules that it imports, by the path at which they are served.
 * @param first the first script's path in the repository
 */
function modulesFrom(first: string): Map<string, string> {
  const modules = new Map<string, string>()
  const waiting = [first]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (modules.has(pathOf(file))) continue
    const script = withoutTypes(readFileSync(new URL(file, root), 'utf8'))
    modules.set(pathOf(file), script)
    for (const [, from = ''] of script.matchAll(/^(?:import|export)\b[\w\s{},*]*?\bfrom '([^']+)'/gm)) {
      if (!from.startsWith('.')) throw new Error(`${file} imports ${from}: a browser can resolve relative paths only`)
      waiting.push(posix.join(posix.dirname(file), from))
    }
  }
  return modules
}

function pathOf(file: string): string {
  return paths.pageModules.replace('*', file)
}

/**
 * Strips the types from a TypeScript module, and suppresses Node's warning that type stripping is experimental. Node's experimental type
 * stripping is safe here, because the Node version is pinned and tests cover the stripped code.
 */
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

/**
 * Replaces a placeholder. Throws unless the placeholder occurs exactly once, because a page without its style or script would fail only in
 * the browser.
 */
function fill(text: string, placeholder: string, content: string): string {
  const parts = text.split(placeholder)
  if (parts.length !== 2) throw new Error(`the page contains ${placeholder} ${parts.length - 1} times, expected once`)
  return parts.join(content)
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
