/** Finds the running embedded lab for commands with the `--on embedded` option. */
import type { OpenPlace } from '@lab/lab/compose/places.ts'
import type { EmbeddedLab } from '@lab/lab/embedded/lab.ts'
import type { WhichLab } from '@lab/lab/options.ts'

/**
 * Resolves with the running embedded lab. The embedded lab's module is imported on demand, because loading it takes a tenth of a second.
 */
export async function embeddedLab(which: WhichLab): Promise<EmbeddedLab> {
  const { findLab } = await import('@lab/lab/find.ts')
  return findLab({ ...which, on: 'embedded' })
}

/** Returns the option that makes another command use the same embedded lab, for use in hints. */
export function toTheSame({ page }: WhichLab): string {
  return page === undefined ? '--on embedded' : `--page ${page}`
}

/** Returns an embedded lab's pages, with the names that `./lab open` uses for them. */
export function embeddedPlaces({ name, entry }: Pick<EmbeddedLab, 'name' | 'entry'>): OpenPlace[] {
  return [
    { word: 'page', what: 'live page', url: name },
    { word: 'client', what: 'test client page, sockets at /ws', url: entry },
  ]
}
