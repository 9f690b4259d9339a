/** Reads the .env file for commands on the host, which must use the same settings as Compose. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'

type Environment = Record<string, string | undefined>

/**
 * Path of the .env file in the root of the checkout, or of the last file named in COMPOSE_ENV_FILES, because Compose gives the last file
 * precedence.
 */
export const envFilePath = resolve(
  fileURLToPath(new URL('../../', import.meta.url)),
  process.env.COMPOSE_ENV_FILES?.split(',').at(-1) || '.env',
)

/** Returns the variables defined in .env; empty if the file does not exist. Like Compose, ignores a folder named .env. */
export function envFile(file = envFilePath): Environment {
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch (error) {
    if (['ENOENT', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return {}
    throw error
  }
}

/**
 * Returns the variables that .env adds to an environment. As with Compose, a variable that is already set takes precedence over .env, even
 * if its value is empty. Pure.
 * @returns an empty object if COMPOSE_DISABLE_ENV_FILE is set
 */
export function addedBy(written: Environment, env: Environment): Environment {
  if (/^(1|t|true)$/i.test(env.COMPOSE_DISABLE_ENV_FILE ?? '')) return {}
  // Values with `$` or `\` are not added, because Compose interpolates only values that it reads from .env itself.
  const plain = Object.entries(written).filter(([, value]) => value !== undefined && !/[$\\]/.test(value))
  return Object.fromEntries(plain.filter(([name]) => env[name] === undefined))
}

/** Adds the variables defined in .env to this process's environment. Commands for a Compose lab must call this function first. */
export function loadEnvFile(file = envFilePath): void {
  Object.assign(process.env, addedBy(envFile(file), process.env))
}
