/** Asks the docker command what it is, and what is behind it. */
import { z } from 'zod'
import { type Ran, run, tryDocker, whyFailed } from '../docker.ts'
import type { EngineFact, Facts } from './facts.ts'

/** On a busy machine an answer takes seconds. */
const withinSeconds = 30

/** Docker before 23 takes the mere word json for the text to print. */
const asJson = '{{json .}}'

const versionSchema = z.object({
  Client: z.object({ Version: z.string() }),
  Server: z.object({ Version: z.string(), ApiVersion: z.string(), MinAPIVersion: z.string().default('1.24') }).nullish(),
})

const infoSchema = z.object({
  OSType: z.string(),
  Architecture: z.string(),
  NCPU: z.number(),
  MemTotal: z.number(),
  SystemTime: z.iso.datetime({ offset: true }).or(z.string()),
  SecurityOptions: z.array(z.string()).nullish(),
  DockerRootDir: z.string().default(''),
})

/** The engine, and where it keeps its data. */
export async function probeEngine(): Promise<{ engine: EngineFact; dataFolder: string }> {
  const asked = await tryDocker({ args: ['version', '--format', asJson] }, withinSeconds)
  if (asked.exitCode !== 0) return { engine: noAnswer(asked), dataFolder: '' }
  const before = Date.now()
  const told = await tryDocker({ args: ['info', '--format', asJson] }, withinSeconds)
  const after = Date.now()
  if (told.exitCode !== 0) return { engine: noAnswer(told), dataFolder: '' }
  const version = versionSchema.safeParse(JSON.parse(asked.stdout))
  const info = infoSchema.safeParse(JSON.parse(told.stdout))
  if (!version.data?.Server || !info.data) {
    return { engine: { state: 'refused', text: 'docker version and docker info say nothing of the engine' }, dataFolder: '' }
  }
  const { Client, Server } = version.data
  const engine: EngineFact = {
    state: 'answers',
    version: Server.Version,
    api: Server.ApiVersion,
    minApi: Server.MinAPIVersion,
    clientVersion: Client.Version,
    osType: info.data.OSType,
    architecture: info.data.Architecture,
    cpus: info.data.NCPU,
    memoryBytes: info.data.MemTotal,
    rootless: (info.data.SecurityOptions ?? []).includes('name=rootless'),
    skewMs: Date.parse(info.data.SystemTime) - (before + after) / 2,
    uncertaintyMs: (after - before) / 2,
  }
  return { engine, dataFolder: info.data.DockerRootDir }
}

/** Why docker failed, by what it said. */
export function noAnswer(ran: Ran): EngineFact {
  if (ran.missing) return { state: 'no-command' }
  if (ran.timedOut) return { state: 'silent', seconds: withinSeconds }
  const text = whyFailed(ran, withinSeconds)
  if (/permission denied|access is denied/i.test(ran.stderr)) return { state: 'denied', text }
  // In the words of Docker's versions, and of Windows' pipes.
  const nobody = /cannot connect|failed to connect|error during connect|connection refused|no such file|cannot find the file/i
  return nobody.test(ran.stderr) ? { state: 'not-running', text } : { state: 'refused', text }
}

export async function probeCompose(): Promise<Facts['compose']> {
  const ran = await tryDocker({ args: ['compose', 'version', '--short'] }, withinSeconds)
  if (ran.exitCode === 0 && /^v?\d/.test(ran.stdout)) return { version: ran.stdout.trim() }
  // Without the plugin, docker takes the word for one of its own commands and explains itself at length.
  const [said = ''] = ran.stderr.trim().split('\n')
  return { problem: `docker compose is no command here${said && `: ${said}`}` }
}

/** Which engine the command means, and where that is. */
export async function probeContext(): Promise<Facts['context']> {
  const host = process.env.DOCKER_HOST
  if (host) return { name: 'DOCKER_HOST', host }
  const ran = await run('docker', ['context', 'inspect', '--format', '{{.Name}} {{.Endpoints.docker.Host}}'], withinSeconds)
  const [name, where] = ran.stdout.trim().split(' ')
  return ran.exitCode === 0 && name && where ? { name, host: where } : undefined
}
