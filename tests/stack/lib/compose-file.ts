/** Reads compose.yaml for tests that compare running containers with the file. */
import { readFileSync } from 'node:fs'
import { composeFile } from '@lab/host/compose-file.ts'

export interface ComposeService {
  image?: string
  build?: object
  profiles?: string[]
  ports?: string[]
  volumes?: string[]
  container_name?: string
  command?: string[]
}

/** Path of the repository root. */
export const root = new URL('../../../', import.meta.url).pathname

const read = (path: string) => readFileSync(`${root}${path}`, 'utf8')

export const composeServices = composeFile<{ services: Record<string, ComposeService> }>('compose.yaml', read).services

/** Returns the image that compose.yaml specifies for a service. */
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
