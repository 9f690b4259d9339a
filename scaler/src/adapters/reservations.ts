/**
 * Reads resource requests from `deploy.resources.reservations` in the Compose files. Docker does not store a container's CPU reservation,
 * so `docker compose config` is the only source.
 */
import { fileArgs } from '@lab/host/compose.ts'
import { docker } from '@lab/host/docker.ts'
import { z } from 'zod'
import { milliOf, parseQuantity } from '../core/quantities.ts'

/** Resource requests in thousandths of a core and of a byte, by resource. */
export type Requests = Readonly<Record<string, number>>

/**
 * Returns the requests of the containers that Compose created from one configuration of the service.
 * @param configHash identifies the configuration: the value of a label that Compose sets on the container
 */
export type ReadReservations = (configHash: string) => Promise<Requests>

/** Timeout for reading the Compose files, in seconds. */
const withinSeconds = 20
/** Maximum number of configurations whose requests are remembered: those of two rollouts that overlap, and a margin. */
const remembered = 8

const amount = z.union([z.string(), z.number()]).transform(String)
const configSchema = z.object({
  services: z.record(
    z.string(),
    z.object({
      deploy: z
        .object({
          resources: z.object({ reservations: z.object({ cpus: amount, memory: amount }).partial().optional() }).optional(),
        })
        .optional(),
    }),
  ),
})

/** Returns the requests of a service in the output of `docker compose config --format json`. Pure. */
export function reservationsIn(config: unknown, service: string): Requests {
  const { cpus, memory } = configSchema.parse(config).services[service]?.deploy?.resources?.reservations ?? {}
  return Object.fromEntries(
    Object.entries({ cpu: cpus, memory }).flatMap(([resource, text]) => {
      const quantity = text === undefined ? null : parseQuantity(text)
      return quantity === null ? [] : [[resource, milliOf(quantity)]]
    }),
  )
}

/** Returns a reader that runs `docker compose config` once for each configuration. It rejects if the files cannot be read. */
export function reservationReader(from: { files: readonly string[]; folder: string; project: string; service: string }): ReadReservations {
  const known = new Map<string, Promise<Requests>>()
  const read = async (): Promise<Requests> => {
    const args = ['compose', ...fileArgs(from.files), '--project-name', from.project, 'config', '--format', 'json', from.service]
    return reservationsIn(JSON.parse(await docker(args, { folder: from.folder, withinSeconds })), from.service)
  }
  return (configHash) => {
    const reading = known.get(configHash) ?? read()
    known.set(configHash, reading)
    reading.catch(() => known.delete(configHash))
    const [oldest] = known.keys()
    if (known.size > remembered && oldest !== undefined) known.delete(oldest)
    return reading
  }
}
