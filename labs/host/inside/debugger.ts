/** Evaluates code in a replica's process through Node's inspector, which is opened by a signal sent to the container. */
import { setTimeout as sleep } from 'node:timers/promises'
import { docker, tryDocker } from '../docker.ts'
import { evaluateAt } from './inspector.ts'

/** Node's default inspector port, which is not published outside the container. */
const port = 9229
const opensWithinMs = 20_000
const askEveryMs = 500

/**
 * Evaluates an expression in a container's Node process. Rejects if the inspector cannot be reached within 20 s or if the code throws an
 * error.
 */
export async function evaluateInContainer(container: string, code: string): Promise<void> {
  const startedAtMs = performance.now()
  // The source code of `evaluateAt` is passed to the container and runs there.
  const client = `await (${evaluateAt.toString()})(${port}, process.argv[1])`
  for (;;) {
    // SIGUSR1 is sent repeatedly, because Node ignores the signal while the inspector is still closing after an earlier call.
    await docker(['kill', '--signal', 'USR1', container])
    const { exitCode, stderr } = await tryDocker(['exec', container, 'node', '--input-type=module', '-e', client, '--', code], {
      withinSeconds: 40,
    })
    if (exitCode === 0) return
    const notYet = stderr.includes('ECONNREFUSED') || stderr.includes('fetch failed')
    if (!notYet || performance.now() - startedAtMs > opensWithinMs)
      throw new Error(`the inspector of ${container}: ${/^.*Error.*$/m.exec(stderr)?.[0] ?? stderr.trim()}`)
    await sleep(askEveryMs)
  }
}
