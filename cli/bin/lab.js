#!/usr/bin/env node
// Runs the command on the Node that this project brings along, whatever the system's own is: that one runs TypeScript as it stands.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const child = spawn(labNode(), [main, ...process.argv.slice(2)], { stdio: 'inherit' })
// The terminal sends Ctrl-C to both, and the child decides what it means; a signal to this process alone is passed on.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => fail(error.message))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 1
  if (signal) console.error(`lab: ended by ${signal}`)
})

/** The `node` of the npm package of this name. */
function labNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json')
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
    return join(dirname(manifest), typeof bin === 'string' ? bin : bin.node)
  } catch {
    return fail('the project is not installed yet; run: npm ci')
  }
}

function fail(why) {
  console.error(`lab: ${why}`)
  process.exit(1)
}
