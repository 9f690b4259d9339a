/** compose.yaml as data, for tests that compare what runs with what is written. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export interface ComposeService {
  image?: string
  build?: object
  profiles?: string[]
  ports?: string[]
  volumes?: string[]
  container_name?: string
  command?: string[]
}

/** The root of the repository. */
export const root = new URL('../../../', import.meta.url).pathname

const file = parse(readFileSync(`${root}compose.yaml`, 'utf8'), { merge: true }) as { services: Record<string, ComposeService> }

export const composeServices = file.services

/** The image compose.yaml names for a service. */
export function imageOf(service: string): string {
  const image = composeServices[service]?.image
  if (!image) throw new Error(`compose.yaml names no image for ${service}`)
  return image
}

/** A published port, written as `127.0.0.1:${VARIABLE:-default}:inside`. */
export interface PublishedPort {
  service: string
  written: string
  variable: string | undefined
  fallback: number | undefined
}

export const publishedPorts: PublishedPort[] = Object.entries(composeServices).flatMap(([service, { ports = [] }]) =>
  ports.map((written) => {
    const match = /^127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+$/.exec(written)
    return { service, written, variable: match?.[1], fallback: match?.[2] === undefined ? undefined : Number(match[2]) }
  }),
)
