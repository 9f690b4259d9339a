/**
 * The name of the Compose project, and its folder for reports. Labs with different Compose project names in one checkout do not share any
 * files.
 */
import { basename } from 'node:path'
import { root } from './root.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The project's name by Compose's rules: COMPOSE_PROJECT_NAME, or the checkout's folder name reduced to allowed characters. */
export function projectOf(env: Environment = process.env, folder = root): string {
  const own = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
  return env.COMPOSE_PROJECT_NAME || own
}

/** Folder for the reports of the Compose project, relative to the root of the checkout. */
export function reportsFolder(env: Environment = process.env): string {
  return `reports/${projectOf(env)}`
}
