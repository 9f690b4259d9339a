/** Takes secrets out of what leaves the machine. Pure. */
import { settings } from '../../services/ws/src/config.ts'

const masked = '***'

/** Shorter values would be found in words that have nothing to do with them. */
const shortestToFind = 6

/** Settings that config.ts calls secret, and whatever else has such a name. */
export function isSecret(name: string): boolean {
  const setting = (settings as Record<string, { secret?: true }>)[name]
  return setting?.secret === true || /SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|API_?KEY/i.test(name)
}

/** Values of the secrets among variables, longest first, so that none hides a part of another. */
export function secretsOf(...environments: readonly Readonly<Record<string, string | null | undefined>>[]): string[] {
  const values = environments.flatMap((environment) =>
    Object.entries(environment).flatMap(([name, value]) => (value && isSecret(name) && value.length >= shortestToFind ? [value] : [])),
  )
  return [...new Set(values)].sort((a, b) => b.length - a.length)
}

/** Text without these values, as they are and as JSON or a URL writes them, and without names and passwords in URLs. */
export function maskText(text: string, secrets: readonly string[]): string {
  const written = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
  const without = written.reduce((rest, secret) => rest.replaceAll(secret, masked), text)
  return without.replaceAll(/(:\/\/)[^\s/@"']+@/g, `$1${masked}@`)
}

/** Variables as `NAME=value` lines, secret ones masked whatever their length. */
export function maskedLines(environment: Readonly<Record<string, string | null | undefined>>, secrets: readonly string[]): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${isSecret(name) && value ? masked : maskText(value ?? '', secrets)}\n`)
    .join('')
}

/** A value as JSON would hold it, with every secret variable in it masked. */
export function maskedValue(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => maskedValue(one))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, maskedValue(one, key)]))
  }
  return typeof value === 'string' && value !== '' && isSecret(name) ? masked : value
}
