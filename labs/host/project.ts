/**
 * Determines the Compose project's name and its report folder. Labs with different project names in the same checkout have separate report
 * folders.
 */
import { basename } from 'node:path'
import { root } from './root.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Returns the project name that Compose would use: COMPOSE_PROJECT_NAME, or the checkout's folder name reduced to allowed characters. */
export function projectOf(env: Environment = process.env, folder = root): string {
  const own = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
  return env.COMPOSE_PROJECT_NAME || own
}

/** Returns the folder for the Compose project's reports, relative to the root of the checkout. */
export function reportsFolder(env: Environment = process.env): string {
  return `reports/${projectOf(env)}`
}

/** Folder for the reports about the embedded lab, relative to the root of the checkout. */
export const embeddedReports = 'reports/embedded'
