/** What doctor looks at. Plain data: the probes gather it, the findings follow from it alone. */
import type { hostPorts } from '@lab/contract/endpoints.ts'

/** The engine behind the docker command, or how it failed to answer. */
export type EngineFact =
  | {
      state: 'answers'
      version: string
      /** Newest API that it speaks, and the oldest. */
      api: string
      minApi: string
      clientVersion: string
      osType: string
      architecture: string
      cpus: number
      memoryBytes: number
      rootless: boolean
      /** Its clock minus ours, and how far off that may be. */
      skewMs: number
      uncertaintyMs: number
    }
  | { state: 'no-command' }
  | { state: 'denied' | 'not-running' | 'refused'; text: string }
  | { state: 'silent'; seconds: number }

export interface PortFact {
  variable: keyof typeof hostPorts
  port: number
  /** Whether `up` needs it: its service runs with the profiles that are on. */
  needed: boolean
  /** `ours`: the lab itself has it. `denied`: this user may not open it. */
  state: 'free' | 'ours' | 'taken' | 'denied'
  owner?: string
  /** The next port that is free and not another one of the lab's. */
  free?: number
}

export interface ContainerFact {
  name: string
  service: string
  state: string
  /** The folder that its compose.yaml was in; empty where that is not known. */
  folder: string
}

export interface Facts {
  platform: NodeJS.Platform
  engine: EngineFact
  /** Version of the plugin, or why `docker compose` failed. */
  compose: { version: string } | { problem: string }
  /** Why compose.yaml and .env together make no lab, if so. */
  configProblem?: string
  context?: { name: string; host: string }
  /** DOCKER_DEFAULT_PLATFORM, if set. */
  defaultPlatform?: string
  ports: readonly PortFact[]
  disk?: { path: string; freeBytes: number }
  /** Images that `up` needs; built ones are made from what Dockerfiles name. */
  images: readonly { image: string; present: boolean }[]
  /** Containers of the project, stopped ones included. */
  containers: readonly ContainerFact[]
  /** This checkout. */
  folder: string
  project: string
  /** Committed text files with carriage returns in the work tree, or why that is not known. */
  lineEndings: { crlf: readonly string[] } | { problem: string }
  /** Where a proxy is set, and what goes past it. */
  proxies: readonly { where: string; noProxy: string }[]
}
