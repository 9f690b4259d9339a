/** Probes the docker command, its Compose plugin, its context and its engine. */

import { failure, success } from '@lab/contract/result.ts'
import { type Ran, tryDocker, whyFailed } from '@lab/host/docker.ts'
import { z } from 'zod'
import type { EngineFact, Facts } from './facts.ts'

/** Time limit for a docker command; it is long because a busy machine's engine can take seconds to respond. */
const withinSeconds = 30

/** The template is written out in full, because Docker before version 23 prints the short form `json` literally. */
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

/** Reads information about the Docker engine, including its data folder. */
export async function probeEngine(): Promise<{ engine: EngineFact; dataFolder: string }> {
  const versionRun = await tryDocker({ args: ['version', '--format', asJson] }, { withinSeconds })
  if (versionRun.exitCode !== 0) return { engine: noAnswer(versionRun), dataFolder: '' }
  const before = Date.now()
  const infoRun = await tryDocker({ args: ['info', '--format', asJson] }, { withinSeconds })
  const after = Date.now()
  if (infoRun.exitCode !== 0) return { engine: noAnswer(infoRun), dataFolder: '' }
  const version = versionSchema.safeParse(JSON.parse(versionRun.stdout))
  const info = infoSchema.safeParse(JSON.parse(infoRun.stdout))
  if (!version.data?.Server || !info.data) {
    return { engine: { state: 'refused', text: 'docker version and docker info do not describe the engine' }, dataFolder: '' }
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

/** Classifies a failed docker command by its exit code and its error output. */
export function noAnswer(ran: Ran): EngineFact {
  if (ran.missing) return { state: 'no-command' }
  if (ran.timedOut) return { state: 'silent', seconds: withinSeconds }
  const text = whyFailed(ran, withinSeconds)
  if (/permission denied|access is denied/i.test(ran.stderr)) return { state: 'denied', text }
  // Matches the error messages that various versions of Docker, including Docker on Windows, print if the engine is not running.
  const notRunning = /cannot connect|failed to connect|error during connect|connection refused|no such file|cannot find the file/i
  return notRunning.test(ran.stderr) ? { state: 'not-running', text } : { state: 'refused', text }
}

export async function probeCompose(): Promise<Facts['compose']> {
  const ran = await tryDocker({ args: ['compose', 'version', '--short'] }, { withinSeconds })
  if (ran.exitCode === 0 && /^v?\d/.test(ran.stdout)) return success(ran.stdout.trim())
  // Without the Compose plugin, docker prints its long general help text, only the first line of which is used.
  const [said = ''] = ran.stderr.trim().split('\n')
  return failure(`docker compose is not installed${said && `: ${said}`}`)
}

/** Returns the name of the current docker context and the address of its engine. */
export async function probeContext(): Promise<Facts['context']> {
  const host = process.env.DOCKER_HOST
  if (host) return { name: 'DOCKER_HOST', host }
  const ran = await tryDocker(['context', 'inspect', '--format', '{{.Name}} {{.Endpoints.docker.Host}}'], { withinSeconds })
  const [name, where] = ran.stdout.trim().split(' ')
  return ran.exitCode === 0 && name && where ? { name, host: where } : undefined
}
