/** Which scripts a film was made by. */
import { createHash } from 'node:crypto'

/** What tells scripts of scenes apart: one sum over all of them. */
export function checksumOf(scripts: readonly { name: string; text: string }[]): string {
  const hash = createHash('sha256')
  for (const { name, text } of scripts.toSorted((a, b) => a.name.localeCompare(b.name, 'en'))) hash.update(`${name}\0${text}\0`)
  return `sha256:${hash.digest('hex')}`
}
