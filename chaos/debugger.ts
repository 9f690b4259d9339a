/** Puts code into a replica's process: Node's inspector, opened by a signal, reached from inside the container, closed again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { docker, tryDocker } from '../prove/docker.ts'
import { evaluateAt } from './inspector.ts'

/** Node's own choice. Nothing but the container itself reaches it. */
const port = 9229
const opensWithinMs = 20_000
const askEveryMs = 500

/**
 * Evaluates an expression in the process of a container that runs Node.
 * Rejects when the inspector cannot be reached within 20 s, or the code throws.
 */
export async function evaluateInContainer(container: string, code: string): Promise<void> {
  const startedAtMs = performance.now()
  // What runs in the container is the very function that runs here, as text.
  const client = `await (${evaluateAt.toString()})(${port}, process.argv[1])`
  for (;;) {
    // Each time: it may be about to close after the call before, which swallows the signal.
    await docker(['kill', '--signal', 'USR1', container])
    const { exitCode, stderr } = await tryDocker(['exec', container, 'node', '--input-type=module', '-e', client, '--', code], 40)
    if (exitCode === 0) return
    const notYet = stderr.includes('ECONNREFUSED') || stderr.includes('fetch failed')
    if (!notYet || performance.now() - startedAtMs > opensWithinMs)
      throw new Error(`the inspector of ${container}: ${/^.*Error.*$/m.exec(stderr)?.[0] ?? stderr.trim()}`)
    await sleep(askEveryMs)
  }
}
