/** Reads and changes .env lines, so that a later `docker compose up` uses the rollout's settings. */
import { readFile, writeFile } from 'node:fs/promises'
import { addedBy, envFile, envFilePath } from '@lab/host/env-file.ts'
import { LabError } from '@lab/host/lab-error.ts'
import type { Settings } from './versions.ts'

/** Reads the given variables from .env; null means that .env does not set the variable. */
export function readSettings(names: readonly string[]): Settings {
  const written = envFile()
  return Object.fromEntries(names.map((name) => [name, written[name] ?? null]))
}

/**
 * Rejects a variable that is already set in this process's environment, because the environment overrides .env.
 * @param what what the error message names: the option or setting that is to be written
 */
export function refuseShadowed(settings: Settings, what = '--set'): void {
  const written = envFile()
  for (const name of Object.keys(settings)) {
    if (process.env[name] !== undefined && process.env[name] !== written[name])
      throw new LabError(
        `${what === name ? name : `${what} ${name}`}: the environment of this command has it, which wins over .env; unset ${name} first`,
      )
  }
  if (Object.keys(settings).length > 0 && Object.keys(addedBy({ PROBE: '1' }, { ...process.env, PROBE: undefined })).length === 0)
    throw new LabError(`${what} writes .env, which COMPOSE_DISABLE_ENV_FILE turns off here`)
}

/**
 * Returns the content of .env with new values for some variables; null removes a variable's line. Other lines of .env remain unchanged.
 * Pure.
 */
export function withSettings(text: string, settings: Settings): string {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (const [name, value] of Object.entries(settings)) {
    const at = lines.findLastIndex((line) => new RegExp(`^\\s*(export\\s+)?${name}\\s*=`).test(line))
    const line = value === null ? [] : [`${name}=${/^[\w./:@%+,-]*$/.test(value) ? value : `'${value}'`}`]
    if (at === -1) lines.push(...line)
    else lines.splice(at, 1, ...line)
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** Changes those .env lines whose values differ from the given values. */
export async function writeSettings(settings: Settings): Promise<void> {
  const now = readSettings(Object.keys(settings))
  const changed = Object.entries(settings).filter(([name, value]) => now[name] !== value)
  if (changed.length === 0) return
  const text = await readFile(envFilePath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  await writeFile(envFilePath, withSettings(text, Object.fromEntries(changed)))
  // Child processes inherit this process's environment, which overrides .env, so changed values must be set both in .env and in this
  // environment.
  for (const [name, value] of changed) {
    if (process.env[name] !== (now[name] ?? undefined)) continue
    if (value === null) delete process.env[name]
    else process.env[name] = value
  }
}
