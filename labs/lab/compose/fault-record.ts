/** Records when faults begin and end, so that the dashboards can mark them. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type FaultEvent, faultRecord } from '@lab/contract/rollouts.ts'
import { root } from '@lab/host/root.ts'

const storedEvents = 50

/** Returns the folder of a project's record of faults, relative to the root of the checkout. */
export function faultFolder(project: string): string {
  return join('reports', project, 'faults')
}

/** Adds an event to the record in a folder, and removes the oldest event if there are too many. */
export async function recordFault(folder: string, event: FaultEvent): Promise<void> {
  const path = join(folder, 'record.json')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  const events = text === undefined ? [] : faultRecord.parse(JSON.parse(text)).events
  await mkdir(folder, { recursive: true })
  // The record is renamed into place, so that the live page's server never reads an incomplete record.
  await writeFile(`${path}.new`, `${JSON.stringify({ events: [...events, event].slice(-storedEvents) }, null, 1)}\n`)
  await rename(`${path}.new`, path)
}

/** Deletes a project's record of faults. */
export async function forgetFaults(project: string): Promise<void> {
  await rm(resolve(root, faultFolder(project)), { recursive: true, force: true })
}
