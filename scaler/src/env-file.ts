/**
 * The file .env, for commands on the host. Compose reads it by itself, and they have to find the lab that it describes.
 * It lies here, where every command can have it: the scaler's image holds nothing else but the contract.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'

type Environment = Record<string, string | undefined>

const inCheckout = fileURLToPath(new URL('../../.env', import.meta.url))

/** The variables of the file; none where there is no such file. A folder of that name is somebody else's, also to Compose. */
export function envFile(file = inCheckout): Environment {
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch (error) {
    if (['ENOENT', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return {}
    throw error
  }
}

/**
 * What the file adds to an environment: what is set there already wins, even if it is empty, as it does with Compose.
 * Pure.
 * @returns nothing where Compose is told not to read the file
 */
export function addedBy(written: Environment, env: Environment): Environment {
  if (/^(1|t|true)$/i.test(env.COMPOSE_DISABLE_ENV_FILE ?? '')) return {}
  // Compose fills `$` and `\` in, by rules of its own. It is started with this environment, and would be handed them as they stand.
  const plain = Object.entries(written).filter(([, value]) => value !== undefined && !/[$\\]/.test(value))
  return Object.fromEntries(plain.filter(([name]) => env[name] === undefined))
}

/** Puts the variables of the file into this process's environment: for the first line of a command that speaks to a Compose lab. */
export function loadEnvFile(file = inCheckout): void {
  Object.assign(process.env, addedBy(envFile(file), process.env))
}
