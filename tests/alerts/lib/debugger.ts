/** A debugger in a running replica: Node's inspector, reached from inside the container. */
import { docker, tryDocker } from '../../stack/lib/docker.ts'
import { until } from '../../stack/lib/until.ts'

/** Runs in the container: sends each call to the inspector, one after the other. */
const client = `
const [target] = await (await fetch('http://127.0.0.1:9229/json/list')).json()
const socket = new WebSocket(target.webSocketDebuggerUrl)
await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject })
for (const [id, [method, params]] of JSON.parse(process.argv[1]).entries()) {
  socket.send(JSON.stringify({ id, method, params }))
  const { error, result } = await new Promise((resolve) => {
    socket.onmessage = ({ data }) => { const answer = JSON.parse(data); if (answer.id === id) resolve(answer) }
  })
  if (error || result.exceptionDetails) { console.error(JSON.stringify(error ?? result.exceptionDetails)); process.exit(1) }
}
process.exit(0)
`

/** Evaluates an expression in the replica's process. @param container its name or id @param expression JavaScript, in the global scope */
export async function evaluate(container: string, expression: string): Promise<void> {
  await call(container, [['Runtime.evaluate', { expression }]])
}

/** Has the replica's process collect its garbage. */
export async function collectGarbage(container: string): Promise<void> {
  await call(container, [
    ['HeapProfiler.enable', {}],
    ['HeapProfiler.collectGarbage', {}],
  ])
}

async function call(container: string, calls: [string, object][]): Promise<void> {
  // Opens the inspector; when it is open already nothing happens.
  await docker(['kill', '--signal', 'USR1', container])
  const args = ['exec', container, 'node', '--input-type=module', '-e', client, '--', JSON.stringify(calls)]
  const said = await until(
    `the inspector of ${container}`,
    async () => {
      const ran = await tryDocker(args, { withinSeconds: 40 })
      // Not listening yet; any other failure is final.
      return ran.stderr.includes('ECONNREFUSED') ? false : ran
    },
    20_000,
    500,
  )
  if (said.exitCode !== 0) throw new Error(`the inspector of ${container}: ${said.stderr}`)
}
