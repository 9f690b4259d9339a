/**
 * Writes route files: dynamic configuration for Traefik that routes new connections to a subset of the replicas during a rollout or a
 * deploy.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { root } from '@lab/host/root.ts'
import { parse, stringify } from 'yaml'

export interface Route {
  readonly name: string
  /** Traefik rule for the requests to which the route applies; undefined for all requests. */
  readonly rule: string | undefined
  /** Name of the Traefik service that receives the requests. */
  readonly service: string
  /** Routes with a higher priority take precedence. */
  readonly priority: number
}

export interface RouteFile {
  readonly project: string
  readonly routes: readonly Route[]
  /** Traefik service definitions by name. */
  readonly services: object
}

/** Loads the rate limits of a hardened lab, which also apply to the routes in a route file. */
export function readHardened(): Promise<string> {
  return readFile(`${root}traefik/dynamic/hardened.yaml`, 'utf8')
}

const everything = 'PathPrefix(`/`)'

/** Returns the content of a route file. Pure. @param hardened the content of hardened.yaml */
export function routeFileText({ project, routes, services }: RouteFile, hardened: string): string {
  // The priority of the default route to all replicas equals the length of that route's rule, so this route gets a higher priority.
  const open = (entryPoints: readonly string[]) =>
    routes.map(({ name, rule = everything, service, priority }) => [
      name,
      { entryPoints, rule, priority: everything.length + 1 + priority, middlewares: ['lab'], service },
    ])
  const { http: limits } = parse(hardened.replaceAll(/^\{\{.*\}\}$/gm, '')) as HardenedFile
  // Unless hardened.yaml states the priority of a route, the priority equals the length of that route's rule. This route gets a higher one.
  const limited = Object.entries(limits.routers).flatMap(([limit, router]) =>
    routes.map(({ name, rule, service, priority }) => [
      `${name}-${limit}`,
      {
        ...router,
        rule: rule === undefined ? router.rule : `${rule} && (${router.rule})`,
        priority: (router.priority ?? router.rule.length) + 1 + priority,
        service,
      },
    ]),
  )
  const text = (routers: unknown[][]) => stringify({ http: { routers: Object.fromEntries(routers), services } })
  // Other labs in this checkout read the same folder, so the template applies only to the Traefik of the project that it names.
  return [
    `{{ if eq (env "LAB_PROJECT") "${project}" }}\n{{ if eq (env "LAB_HARDENED") "true" }}\n`,
    // Without limits, a hardened lab serves only the entry point of the load generator.
    text([...open(['load']), ...limited]),
    '{{ else }}\n',
    text(open(['web', 'websecure', 'load'])),
    '{{ end }}\n{{ end }}\n',
  ].join('')
}

interface HardenedFile {
  readonly http: { readonly routers: Readonly<Record<string, { readonly rule: string; readonly priority?: number }>> }
}

type Kind = 'rollout' | 'deploy'
const pathOf = (kind: Kind, project: string) => `${root}traefik/dynamic/${kind}-${project}.yaml`

/** Writes a temporary file and then renames it, so that Traefik never reads an incomplete route file. */
export async function writeRouteFile(kind: Kind, project: string, text: string): Promise<void> {
  const path = pathOf(kind, project)
  // Traefik ignores files whose names end in .new.
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

export function removeRouteFile(kind: Kind, project: string): Promise<void> {
  return rm(pathOf(kind, project), { force: true })
}
