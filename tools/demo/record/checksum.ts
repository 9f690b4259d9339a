/** Computes a checksum that identifies the scripts from which a video was made. */
import { createHash } from 'node:crypto'

/** Computes a SHA-256 checksum over the scripts' names and contents. The order of the scripts does not affect the checksum. */
export function checksumOf(scripts: readonly { name: string; text: string }[]): string {
  const hash = createHash('sha256')
  for (const { name, text } of scripts.toSorted((a, b) => a.name.localeCompare(b.name, 'en'))) hash.update(`${name}\0${text}\0`)
  return `sha256:${hash.digest('hex')}`
}
