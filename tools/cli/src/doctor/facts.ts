/**
 * The facts that the command `doctor` checks. The probes gather the facts as plain data, and the findings are computed from the facts
 * alone.
 */

import type { hostPorts } from '@lab/contract/endpoints.ts'
import type { Result } from '@lab/contract/result.ts'

/** The state of the engine that the docker command uses, or the reason why the engine cannot be used. */
export type EngineFact =
  | {
      state: 'answers'
      version: string
      /** The newest API version that the engine supports; `minApi` is the oldest supported API version. */
      api: string
      minApi: string
      clientVersion: string
      osType: string
      architecture: string
      cpus: number
      memoryBytes: number
      rootless: boolean
      /** The engine's clock minus this machine's clock, and the uncertainty of the difference. */
      skewMs: number
      uncertaintyMs: number
    }
  | { state: 'no-command' }
  | { state: 'denied' | 'not-running' | 'refused'; text: string }
  | { state: 'silent'; seconds: number }

export interface PortFact {
  variable: keyof typeof hostPorts
  port: number
  /** Whether `up` needs the port, which is the case if the active profiles include the service that uses the port. */
  needed: boolean
  /** The value `ours` means that the lab itself uses the port. The value `denied` means that this user may not open the port. */
  state: 'free' | 'ours' | 'taken' | 'denied'
  owner?: string
  /** The next free port that the lab does not use for another service, proposed as a replacement for an occupied port. */
  free?: number
}

export interface ContainerFact {
  name: string
  service: string
  state: string
  /** The folder of the compose.yaml from which the container was created; empty if unknown. */
  folder: string
}

export interface Facts {
  platform: NodeJS.Platform
  engine: EngineFact
  /** The version of the Compose plugin, or the reason why `docker compose` failed. */
  compose: Result<string>
  /** The error in compose.yaml or .env, if there is one. */
  configProblem?: string
  /** Invalid settings that would prevent a service from starting. */
  settingProblems: readonly { service: string; text: string }[]
  /** Whether `up` would start the scaler. */
  withScaler: boolean
  context?: { name: string; host: string }
  /** Value of DOCKER_DEFAULT_PLATFORM, if the variable is set. */
  defaultPlatform?: string
  ports: readonly PortFact[]
  disk?: { path: string; freeBytes: number }
  /** The images that `up` needs, including images that `up` builds. */
  images: readonly { image: string; present: boolean }[]
  /** The containers of the lab's Compose project, including stopped containers. */
  containers: readonly ContainerFact[]
  /** The running replicas that `up` would recreate, and the number of their sockets if it is known; otherwise the reason. */
  outdated?: Result<{ replicas: readonly string[]; sockets: number | undefined }>
  /** Path of this checkout. */
  folder: string
  project: string
  /** Committed text files with carriage returns in the work tree, or the reason why the files were not checked. */
  lineEndings: Result<readonly string[]>
  /** Each place where a proxy is configured, with the hosts that are reached without the proxy. */
  proxies: readonly { where: string; noProxy: string }[]
}
