/** Docker and Compose from the command line. Every call has a bound. */
import { execa, type Options } from 'execa'
import { root } from './compose-file.ts'

/** What a command said and how it ended. */
export interface Ran {
  exitCode: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  withinSeconds?: number
  env?: Record<string, string>
  /** Shows the output as it comes, for what takes long. */
  show?: boolean
}

/** Runs `docker …`; a failure is a value, not an exception. */
export async function tryDocker(args: readonly string[], { withinSeconds = 60, env = {}, show = false }: RunOptions = {}): Promise<Ran> {
  const options: Options = {
    cwd: root,
    env: { COMPOSE_PROGRESS: 'plain', COMPOSE_ANSI: 'never', ...env },
    timeout: withinSeconds * 1000,
    reject: false,
    stdin: 'ignore',
    stdout: show ? ['pipe', 'inherit'] : 'pipe',
    stderr: show ? ['pipe', 'inherit'] : 'pipe',
  }
  const result = await execa('docker', args, options)
  const stderr = result.timedOut ? `${result.stderr}\nstopped after ${withinSeconds} s` : String(result.stderr)
  return { exitCode: result.exitCode ?? -1, stdout: String(result.stdout), stderr }
}

/** Runs `docker …` and returns its standard output; throws with everything it said when it fails. */
export async function docker(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await tryDocker(args, options)
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}\nended with ${exitCode}:\n${stderr}\n${stdout}`)
  return stdout
}

/** What we read of `docker inspect CONTAINER`. */
export interface Container {
  Id: string
  Name: string
  Image: string
  State: {
    Status: string
    ExitCode: number
    OOMKilled: boolean
    StartedAt: string
    Health?: { Status: string; Log: { Start: string; End: string; ExitCode: number }[] }
  }
  Config: { Image: string; User: string; Labels: Record<string, string> }
  HostConfig: {
    Memory: number
    ReadonlyRootfs: boolean
    CapDrop: string[] | null
    LogConfig: { Type: string; Config: Record<string, string> }
    PortBindings: Record<string, { HostIp: string; HostPort: string }[] | null> | null
  }
  Mounts: { Type: string; Source: string; Destination: string; RW: boolean }[]
  NetworkSettings: { Networks: Record<string, { IPAddress: string }>; Ports: Record<string, { HostIp: string; HostPort: string }[] | null> }
}

/** Details of the given containers. */
export async function inspect(ids: readonly string[]): Promise<Container[]> {
  return ids.length === 0 ? [] : (JSON.parse(await docker(['inspect', ...ids])) as Container[])
}
