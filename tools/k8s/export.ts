/** Implements `k8s export`, which writes the manifests, and creates the file with the secret that signs resume tokens. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { run } from '@lab/host/docker.ts'
import { root } from '@lab/host/root.ts'

/** Path of the file from which Kustomize reads the secret, relative to the repository root. Git ignores this file. */
export const secretFile = 'k8s/base/secrets/resume'

const generateWithinSeconds = 300

/** Runs the manifest generator in a separate process, because the generator imports the help pages of all commands. */
export async function exportManifests(): Promise<void> {
  const generator = [`${root}tools/generate/main.ts`, '--kubernetes']
  const { exitCode } = await run(process.execPath, generator, { withinSeconds: generateWithinSeconds, show: true })
  if (exitCode !== 0) {
    process.exitCode = 1
    return
  }
  console.log(`${createSecret() ? 'created  ' : 'unchanged'} ${secretFile}`)
}

/** Creates the secret file with a random secret. Returns false if the secret file already exists. */
function createSecret(): boolean {
  try {
    writeFileSync(`${root}${secretFile}`, randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
