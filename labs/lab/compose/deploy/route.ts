/**
 * Routes connections while replicas of two colours exist, either by the weight of each colour or by a request header that names a colour.
 * The routes are written to a file of Traefik's dynamic configuration.
 */
import { type Colour, colourHeader, services } from '@lab/contract/endpoints.ts'
import { z } from 'zod'
import type { RouteFile } from '../rollout/route-file.ts'

/** Percentage of new connections for each colour; omits colours without a healthy replica, which have no service in Traefik. */
export type Shares = Readonly<Partial<Record<Colour, number>>>

/** Name of the sticky cookie that selects a colour; a second sticky cookie selects the replica. */
const colourCookie = 'lab_colour'
const answerWithinMs = 4_000

/** Returns the data for a deploy's route file. Pure. */
export function deployRoutes(project: string, shares: Shares): RouteFile {
  const colours = Object.keys(shares) as Colour[]
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0)
  // If the colour that should receive all connections has no healthy replica, the other colour receives them.
  const weighted = colours.map((colour) => ({ name: serviceOf(colour), weight: total === 0 ? 100 : shares[colour] }))
  const byHeader = colours.map((colour) => ({
    name: `deploy-${colour}`,
    rule: `Header(\`${colourHeader}\`, \`${colour}\`)`,
    service: serviceOf(colour),
    priority: 1,
  }))
  const cookie = { name: colourCookie, httpOnly: true, sameSite: 'lax' }
  return {
    project,
    routes: [{ name: 'deploy', rule: undefined, service: 'deploy', priority: 0 }, ...byHeader],
    services: { deploy: { weighted: { services: weighted, sticky: { cookie } } } },
  }
}

const serviceOf = (colour: Colour) => `${services.ws}-${colour}@docker`

const serviceSchema = z.object({
  status: z.string(),
  weighted: z.object({ services: z.array(z.object({ name: z.string(), weight: z.number().default(1) })) }),
})

/**
 * Returns whether Traefik already distributes new connections according to the given percentages. Rejects if Traefik does not respond.
 * @param traefik address of the Traefik API
 */
export async function routesBy(traefik: string, shares: Shares): Promise<boolean> {
  const answer = await fetch(`${traefik}/api/http/services/deploy@file`, { signal: AbortSignal.timeout(answerWithinMs) })
  const body: unknown = await answer.json()
  const read = serviceSchema.safeParse(body)
  if (!read.success || read.data.status !== 'enabled') return false
  const now = Object.fromEntries(read.data.weighted.services.map(({ name, weight }) => [name, weight]))
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0)
  const entries = Object.entries(shares) as [Colour, number][]
  return (
    Object.keys(now).length === entries.length && entries.every(([colour, share]) => now[serviceOf(colour)] === (total === 0 ? 100 : share))
  )
}
