/**
 * Writes all generated files (`npm run generate`), or only the Kubernetes manifests with `--kubernetes`. The generated files are committed,
 * and a test fails if any of them is outdated.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedFiles, manifestFiles } from './files.ts'

const root = join(import.meta.dirname, '..', '..')

const files = process.argv.includes('--kubernetes') ? manifestFiles() : generatedFiles()

for (const [path, content] of files) {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  const unchanged = current(file) === content
  if (!unchanged) writeFileSync(file, content)
  console.log(`${unchanged ? 'unchanged' : 'written  '} ${path}`)
}

function current(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
