/** Checks whether the lab can listen on its ports, before the lab starts anything. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { embeddedPaths } from '@lab/contract/embedded-api.ts'
import { paths } from '@lab/contract/endpoints.ts'

/** Timeout for the request that identifies the program using a port. Milliseconds. */
const askWithinMs = 1_000

/** A command-line option that sets a port, and its value; 0 selects any free port. */
export interface WantedPort {
  option: string
  port: number
}

/** Returns an error message for each port that is unavailable on 127.0.0.1; the message names the option and the allowed values. */
export async function portProblems(wanted: readonly WantedPort[]): Promise<string[]> {
  const problems: string[] = []
  for (const [index, { option, port }] of wanted.entries()) {
    const same = wanted.slice(0, index).find((earlier) => port !== 0 && earlier.port === port)
    const problem = same === undefined ? await problemOf(port) : `${same.option} has the same port`
    if (problem !== undefined) problems.push(`${option} ${port}: ${problem}`)
  }
  return problems
}

async function problemOf(port: number): Promise<string | undefined> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EACCES') return 'this user may not open it; allowed is a port above 1023, or 0 for any free port'
    if (code !== 'EADDRINUSE') return message
    return `in use by ${(await isLab(port)) ? 'a lab that is already running' : 'another program'}; give another port, or 0 for any free port`
  } finally {
    server.close()
  }
}

/** Whether a lab's client endpoint or live page responds on this port. */
async function isLab(port: number): Promise<boolean> {
  const answers = [paths.apiInfo, embeddedPaths.state].map(async (path) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(askWithinMs) })
    const { name, mode } = (await response.json()) as { name?: string; mode?: string }
    return name === 'websocket-scaling-lab' || mode === 'embedded'
  })
  return (await Promise.allSettled(answers)).some((answer) => answer.status === 'fulfilled' && answer.value)
}
