/**
 * The facts that the `doctor` command checks. The probes collect the facts as plain data, and the findings are computed from these facts
 * alone.
 */

import type { hostPorts } from '@lab/contract/endpoints.ts'
import type { Result } from '@lab/contract/result.ts'

/** State of the engine that the docker command uses, or the reason why the engine cannot be used. */
export type EngineFact =
  | {
      state: 'answers'
      version: string
      /** Newest API version that the engine supports; `minApi` is the oldest. */
      api: string
      minApi: string
      clientVersion: string
      osType: string
      architecture: string
      cpus: number
      memoryBytes: number
      rootless: boolean
      /** Difference between the engine's clock and this machine's clock, and the uncertainty of this difference. */
      skewMs: number
      uncertaintyMs: number
    }
  | { state: 'no-command' }
  | { state: 'denied' | 'not-running' | 'refused'; text: string }
  | { state: 'silent'; seconds: number }

export interface PortFact {
  variable: keyof typeof hostPorts
  port: number
  /** Whether `up` needs the port, that is, whether the active profiles include the service that uses it. */
  needed: boolean
  /** `ours` means that the lab itself is using the port. `denied` means that this user is not allowed to open the port. */
  state: 'free' | 'ours' | 'taken' | 'denied'
  owner?: string
  /** The next free port that the lab does not use for another service, suggested as a replacement for an occupied port. */
  free?: number
}

export interface ContainerFact {
  name: string
  service: string
  state: string
  /** Folder of the compose.yaml from which the container was created; empty if unknown. */
  folder: string
}

export interface Facts {
  platform: NodeJS.Platform
  engine: EngineFact
  /** Version of the Compose plugin, or the reason why `docker compose` failed. */
  compose: Result<string>
  /** The error in compose.yaml or .env, if any. */
  configProblem?: string
  /** Invalid settings that would prevent a service from starting. */
  settingProblems: readonly { service: string; text: string }[]
  /** Whether `up` would start the scaler. */
  withScaler: boolean
  context?: { name: string; host: string }
  /** Value of DOCKER_DEFAULT_PLATFORM, if this variable is set. */
  defaultPlatform?: string
  ports: readonly PortFact[]
  disk?: { path: string; freeBytes: number }
  /** The images that `up` needs, including those that it builds. */
  images: readonly { image: string; present: boolean }[]
  /** The containers of the lab's Compose project, including stopped containers. */
  containers: readonly ContainerFact[]
  /**
   * The running replicas that `up` would recreate and, if known, the number of their sockets; or the reason why these replicas could not be
   * determined.
   */
  outdated?: Result<{ replicas: readonly string[]; sockets: number | undefined }>
  /** Path of this checkout. */
  folder: string
  project: string
  /** Committed text files that have carriage returns in the working tree, or the reason why the files were not checked. */
  lineEndings: Result<readonly string[]>
  /** Each place where a proxy is configured, with the hosts that bypass the proxy. */
  proxies: readonly { where: string; noProxy: string }[]
}
