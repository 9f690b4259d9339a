/**
 * npm runs this file before each script in package.json, with any version of Node. If the packages are not installed, this file prints a
 * one-line error message instead of a stack trace.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const major = Number(process.versions.node.split('.')[0])
if (major < 20) fail(`Node 20 or later is needed (https://nodejs.org); then run npm ci in ${root}`)
// npm writes node_modules/.package-lock.json once an installation is complete.
if (!existsSync(`${root}node_modules/.package-lock.json`)) fail(`run npm ci first, in ${root}`)
if (major < 24) fail(`npm ci did not install Node 24: run npm rebuild node in ${root}, or install Node 24`)

function fail(line) {
  console.error(`lab: ${line}`)
  process.exit(1)
}
