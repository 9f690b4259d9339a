/** The entry point of `./lab COMMAND`. */
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// The compile cache halves the command's startup time. The compile cache must be enabled before any other import.
enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/lab', import.meta.url)))
const { run } = await import('./run.ts')
await run(process.argv.slice(2))
