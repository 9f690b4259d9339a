/** Provides the key that signs resume tokens: it comes from a setting, from a file shared by the replicas, or from a random generator. */
import { createSecretKey, type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Config } from './config.ts'

/**
 * The error that is thrown if the resume secret is unavailable. The error message is a single line for the person who starts the replica.
 */
export class SecretError extends Error {}

type SecretSettings = Pick<Config, 'RESUME_SECRET' | 'RESUME_SECRET_FILE'>

/**
 * Returns the key that signs resume tokens. The first replica that does not find the secret file creates it, so all replicas that share the
 * file use the same key.
 * @throws SecretError if the secret file cannot be read or created, or does not consist of one line of 16 to 256 characters
 */
export function resumeSecret({ RESUME_SECRET: given, RESUME_SECRET_FILE: file }: SecretSettings): KeyObject {
  if (given !== '') return createSecretKey(Buffer.from(given))
  if (file === '') return createSecretKey(randomBytes(32))
  const text = readOrMake(file)
  if (!/^.{16,256}$/.test(text))
    throw new SecretError(`RESUME_SECRET_FILE=${file}: allowed is a file with one line of 16 to 256 characters`)
  return createSecretKey(Buffer.from(text))
}

function readOrMake(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new SecretError(`RESUME_SECRET_FILE=${file}: ${(error as Error).message}`)
  }
  // The call to link() creates the file atomically, and fails if another replica has already created it.
  const draft = `${file}.${randomUUID()}`
  try {
    writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true })
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new SecretError(`RESUME_SECRET_FILE=${file}: ${(error as Error).message}`)
  } finally {
    rmSync(draft, { force: true })
  }
  return readFileSync(file, 'utf8').trim()
}
