/** Reads Compose services, with overlays merged and variables interpolated. Pure. */
import { merged } from './compose-file.ts'

export interface HealthCheck {
  test: string[]
  interval: string
  timeout: string
  retries: number
  start_period: string
  start_interval: string
}

/** The fields of a Compose service that the lab's tools use. */
export interface ComposeService {
  image?: string
  build?: { dockerfile: string }
  command?: string[]
  environment?: Record<string, string>
  tmpfs?: string[]
  labels?: Record<string, string>
  mem_limit: string
  cpus: number
  stop_grace_period?: string
  healthcheck?: HealthCheck
  init?: boolean
}

type Services = Record<string, Record<string, unknown>>

/**
 * Merges Compose files, and replaces each variable with the given value or with the variable's default.
 * @param files the base file, followed by its overlays; in each file, `extends` is already resolved
 * @param variables values that take precedence over the variables' defaults
 */
export function composeServices(
  files: readonly { services: Services }[],
  variables: Readonly<Record<string, string>>,
): Record<string, ComposeService> {
  const names = [...new Set(files.flatMap(({ services }) => Object.keys(services)))]
  const services = names.map((name) => {
    const parts = files.map(({ services }) => services[name] ?? {})
    return [name, interpolated(parts.reduce(merged), variables)]
  })
  return Object.fromEntries(services) as Record<string, ComposeService>
}

/** Replaces `${NAME}`, `${NAME-default}`, `${NAME:-default}` and `$$` in all strings of a value, as Compose does. */
export function interpolated<T>(value: T, variables: Readonly<Record<string, string>>): T {
  if (typeof value === 'string') return replaceVariables(value, variables) as T
  if (Array.isArray(value)) return value.map((one) => interpolated(one, variables)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, interpolated(one, variables)])) as T
}

function replaceVariables(text: string, variables: Readonly<Record<string, string>>): string {
  // A variable's default may contain other variables, but these must not have defaults: ${A:-reports/${B}/c}.
  return text.replaceAll(/\$\$|\$\{(\w+)(?::?-((?:[^{}]|\$\{\w+\})*))?\}/g, (whole, name: string | undefined, fallback = '') => {
    if (name === undefined) return whole.slice(1)
    return variables[name] ?? replaceVariables(fallback, variables)
  })
}
