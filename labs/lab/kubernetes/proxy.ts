/** Makes the cluster's services reachable from this machine, through the API server. */
import { namespace } from '@lab/contract/kubernetes.ts'
import { startGuard } from '@lab/embedded/guard.ts'
import { follow } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { until } from '@lab/host/until.ts'

const startWithinMs = 20_000

export interface ServiceProxy {
  /** Returns the URL of a service in the lab's namespace. */
  address(service: string, port: number): string
  /** Ends the proxy. */
  close(): Promise<void>
}

/**
 * Starts `kubectl proxy` on a free port of this machine. The proxy accepts only requests to services in the lab's namespace, and ends with
 * this process, even if this process is killed.
 */
export async function proxyServices(): Promise<ServiceProxy> {
  const services = `/api/v1/namespaces/${namespace}/services/`
  const guard = startGuard(() => undefined)
  const said: string[] = []
  let exitCode: number | undefined | null = null
  const proxy = follow(
    'kubectl',
    ['proxy', '--port=0', `--accept-paths=^${services}`],
    (line) => said.push(line),
    (code) => {
      exitCode = code
    },
  )
  guard.watch({ pid: proxy.pid, once: (_, listener) => void proxy.ended.then(listener) })
  const close = async () => {
    await proxy.stop()
    guard.end()
  }
  const listening = () => {
    const [, port] = /:(\d+)\s*$/m.exec(said.join('\n')) ?? []
    return port ?? (exitCode === null ? undefined : 'ended')
  }
  try {
    const port = await until('kubectl proxy listens', listening, { withinMs: startWithinMs, everyMs: 20 })
    if (port === 'ended') throw new LabError(`kubectl proxy ended with exit code ${String(exitCode)}`)
    return { address: (service, number) => `http://127.0.0.1:${port}${services}${service}:${number}/proxy`, close }
  } catch (error) {
    await close()
    throw error
  }
}
