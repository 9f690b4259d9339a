/** Masks secrets in output that users send to other people. Pure. */
import { settings } from '@lab/ws/config.ts'

const masked = '***'

/** Minimum length of a secret value that is masked wherever it occurs; shorter values would match parts of unrelated words. */
const shortestToFind = 6

/** Returns true if config.ts declares a setting as secret, or if the setting's name suggests that its value is secret. */
export function isSecret(name: string): boolean {
  const setting = (settings as Record<string, { secret?: true }>)[name]
  return setting?.secret === true || /SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|API_?KEY/i.test(name)
}

/** Returns the values of all secret variables, longest first, so that masking a short value does not leave part of a longer one visible. */
export function secretsOf(...environments: readonly Readonly<Record<string, string | null | undefined>>[]): string[] {
  const values = environments.flatMap((environment) =>
    Object.entries(environment).flatMap(([name, value]) => (value && isSecret(name) && value.length >= shortestToFind ? [value] : [])),
  )
  return [...new Set(values)].sort((a, b) => b.length - a.length)
}

/** Masks the given values in a string, including their JSON and URL encodings, as well as user names and passwords in URLs. */
export function maskText(text: string, secrets: readonly string[]): string {
  const written = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
  const without = written.reduce((rest, secret) => rest.replaceAll(secret, masked), text)
  return without.replaceAll(/(:\/\/)[^\s/@"']+@/g, `$1${masked}@`)
}

/** Formats variables as `NAME=value` lines, and masks the value of every secret variable, however short it is. */
export function maskedLines(environment: Readonly<Record<string, string | null | undefined>>, secrets: readonly string[]): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${isSecret(name) && value ? masked : maskText(value ?? '', secrets)}\n`)
    .join('')
}

/** Copies a JSON value and masks the value of every secret variable in it. */
export function maskedValue(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => maskedValue(one))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, maskedValue(one, key)]))
  }
  return typeof value === 'string' && value !== '' && isSecret(name) ? masked : value
}
