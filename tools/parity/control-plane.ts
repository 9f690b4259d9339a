/**
 * Starts etcd, kube-apiserver and kube-controller-manager from a folder of binaries, as envtest does. The control plane listens only on
 * 127.0.0.1, stores its data in a temporary folder, and has no nodes.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LabError } from '@lab/host/lab-error.ts'
import { until } from '@lab/host/until.ts'
import type { ControllerOptions } from '@lab/scaler/core/types.ts'
import { execa } from 'execa'
import { type ApiClient, apiClient } from './api-client.ts'
import { auditPolicy, controllerUser } from './core/audit.ts'
import { metricsService } from './core/objects.ts'

export const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const

const readyWithinMs = 90_000
const endWithinMs = 10_000
/** Number of characters of a program's output that an error message contains. */
const shownCharacters = 600

export interface ControlPlane {
  readonly api: ApiClient
  /** The API server's own certificate and private key, in PEM format. */
  readonly tls: { readonly cert: string; readonly key: string }
  readonly auditFile: string
  /** The version of the API server, for example `v1.36.3`. */
  readonly version: string
  /** Starts the HPA controller, or replaces it with a new one, which has no memory. */
  startController(options: ControllerOptions): Promise<void>
  /** Aborts when a program exits unexpectedly, or the run is to end. */
  readonly ended: AbortSignal
  stop(): Promise<void>
}

interface Program {
  stop(): Promise<void>
}

/** Returns the programs that the folder does not contain. */
export async function missingPrograms(folder: string): Promise<string[]> {
  const found = await Promise.all(
    programs.map((name) =>
      access(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  )
  return programs.filter((_, i) => !found[i])
}

export interface ControlPlaneSettings {
  readonly binaries: string
  /** The feature gates of the API server. */
  readonly gates: ControllerOptions['featureGates']
  /** Ends the start early. */
  readonly stop: AbortSignal
}

/** Starts etcd and the API server. The caller must stop the control plane. */
export async function startControlPlane({ binaries, gates, stop: stopSignal }: ControlPlaneSettings): Promise<ControlPlane> {
  const folder = await mkdtemp(join(tmpdir(), 'lab-parity-'))
  const running: Program[] = []
  let controller: Program | undefined
  const died = new AbortController()
  const ended = AbortSignal.any([stopSignal, died.signal])
  const start = (name: (typeof programs)[number], args: readonly string[]) => {
    const program = startProgram(join(binaries, name), args, (reason) => died.abort(new LabError(`${name} has stopped: ${reason}`)))
    running.push(program)
    return program
  }
  const stop = async () => {
    for (const program of running.splice(0).reverse()) await program.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()]
    const etcd = `http://127.0.0.1:${etcdPort}`
    start('etcd', etcdArguments(folder, etcd, `http://127.0.0.1:${peerPort}`))
    const [token, controllerToken] = [randomBytes(24).toString('hex'), randomBytes(24).toString('hex')]
    await writeAccess(folder, { token, controllerToken })
    start('kube-apiserver', [...serverArguments(folder, etcd, apiPort), gatesArgument(gates)])
    const certFile = join(folder, 'apiserver.crt')
    const waiting = { withinMs: readyWithinMs, stop: ended }
    const cert = await until('the API server writes its certificate', () => readFile(certFile, 'utf8'), waiting)
    const api = apiClient({ port: apiPort, ca: cert, token })
    await until('the API server is ready', () => api.get(`/api/v1/namespaces/${metricsService.namespace}`), waiting)
    const { gitVersion } = JSON.parse((await api.get('/version')) ?? '{}') as { gitVersion: string }
    const kubeconfig = join(folder, 'controller.kubeconfig')
    await writeFile(kubeconfig, kubeconfigOf(apiPort, certFile, controllerToken), { mode: 0o600 })
    return {
      api,
      tls: { cert, key: await readFile(join(folder, 'apiserver.key'), 'utf8') },
      auditFile: join(folder, 'audit.log'),
      version: gitVersion,
      startController: async (options) => {
        await controller?.stop()
        controller = start('kube-controller-manager', controllerArguments(kubeconfig, options))
      },
      ended,
      stop: async () => {
        api.close()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Starts a program. @param onEnd called with the exit code and the last line of the output if the program exits by itself */
function startProgram(file: string, args: readonly string[], onEnd: (reason: string) => void): Program {
  let output = ''
  let stopping = false
  const child = execa(file, args, { stdin: 'ignore', buffer: false, reject: false, all: true })
  child.all.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-shownCharacters)
  })
  void child.then(({ exitCode, signal }) => {
    if (!stopping) onEnd(`exit code ${exitCode ?? signal}: ${output.trim().split('\n').at(-1) ?? ''}`)
  })
  return {
    stop: async () => {
      stopping = true
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), endWithinMs)
      await child
      clearTimeout(kill)
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('the operating system assigned no port')
  return address.port
}

function etcdArguments(folder: string, client: string, peer: string): string[] {
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    '--log-level=error',
    '--unsafe-no-fsync',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
  ]
}

/** Writes the files that the API server reads: the users' tokens, the key of the service accounts, and the audit policy. */
async function writeAccess(folder: string, { token, controllerToken }: { token: string; controllerToken: string }): Promise<void> {
  const users = `${token},player,player\n${controllerToken},${controllerUser},${controllerUser}\n`
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await writeFile(join(folder, 'tokens.csv'), users, { mode: 0o600 })
  await writeFile(join(folder, 'accounts.key'), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })
  await writeFile(join(folder, 'audit-policy.json'), JSON.stringify(auditPolicy))
}

function serverArguments(folder: string, etcd: string, port: number): string[] {
  return [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    `--cert-dir=${folder}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=AlwaysAllow',
    '--anonymous-auth=false',
    // Nothing creates the service accounts that this plugin would add to the pods.
    '--disable-admission-plugins=ServiceAccount',
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'accounts.key')}`,
    `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
    `--audit-policy-file=${join(folder, 'audit-policy.json')}`,
    `--audit-log-path=${join(folder, 'audit.log')}`,
    '--audit-log-mode=blocking',
    '--profiling=false',
  ]
}

function controllerArguments(kubeconfig: string, options: ControllerOptions): string[] {
  const flag = (name: string, seconds: number) => `--horizontal-pod-autoscaler-${name}=${Math.round(seconds * 1000)}ms`
  return [
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--controllers=horizontal-pod-autoscaler-controller',
    flag('sync-period', options.syncPeriodSeconds),
    flag('downscale-stabilization', options.downscaleStabilizationSeconds),
    flag('cpu-initialization-period', options.cpuInitializationPeriodSeconds),
    flag('initial-readiness-delay', options.initialReadinessDelaySeconds),
    `--horizontal-pod-autoscaler-tolerance=${options.tolerance}`,
    gatesArgument(options.featureGates),
  ]
}

function gatesArgument(gates: ControllerOptions['featureGates']): string {
  return `--feature-gates=${Object.entries(gates)
    .map(([name, on]) => `${name}=${on}`)
    .join(',')}`
}

function kubeconfigOf(port: number, certFile: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'parity', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': certFile } }],
    users: [{ name: controllerUser, user: { token } }],
    contexts: [{ name: 'parity', context: { cluster: 'parity', user: controllerUser } }],
    'current-context': 'parity',
  })
}
