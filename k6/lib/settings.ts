/** The environment as settings, or everything that is wrong with it at once. Pure. */
import { hostPorts } from '../../contract/src/endpoints.ts'
import { type StormClients, stormClients } from '../../contract/src/storm-metrics.ts'
import type { RoomUse, Scenario, ScenarioName, Stage } from './scenarios.ts'
import { curveLengthMs, ordinary, scenarios } from './scenarios.ts'

export interface Settings {
  scenario: ScenarioName
  short: boolean
  /** Where the lab's entry is: ws:// or wss://, without a path. */
  target: string
  sockets: number
  socketsPerVu: number
  rooms: RoomUse
  stages: readonly Stage[]
  seed: number
  /** How long to wait for the lab before the load begins. */
  readySeconds: number
  /** Folder for the JSON summary. */
  reportsDir: string
  /** Scenario storm: how clients come back. */
  clients: StormClients
  /** Scenario storm: replica that all sockets go to, or empty for any. */
  victim: string
}

export type Read = { ok: true; settings: Settings } | { ok: false; problems: string[] }

type Environment = Record<string, string | undefined>

/**
 * Reads SCENARIO, SHORT, TARGET, SOCKETS, SOCKETS_PER_VU, DURATION, SEED, READY_SECONDS and REPORTS_DIR; CLIENTS and VICTIM for
 * the scenario storm.
 * @param env the environment as k6 hands it over
 * @param seedIfNone seed to use when SEED is not given
 */
export function readSettings(env: Environment, seedIfNone: number): Read {
  const problems: string[] = []
  const name = env.SCENARIO || 'default'
  const known = Object.hasOwn(scenarios, name)
  if (!known) problems.push(`SCENARIO is "${name}"; allowed: ${Object.keys(scenarios).join(', ')}`)
  const scenario: Scenario = scenarios[known ? (name as ScenarioName) : 'default']
  const short = readSwitch(env, 'SHORT', problems)
  const target = readTarget(env, problems)
  const sockets = readInteger(env, 'SOCKETS', { fallback: scenario.sockets, min: 1, max: 20_000 }, problems)
  const perVu = scenario.socketsPerVu ?? ordinary.socketsPerVu
  const socketsPerVu = readInteger(env, 'SOCKETS_PER_VU', { fallback: perVu, min: 1, max: 500 }, problems)
  const seed = readInteger(env, 'SEED', { fallback: seedIfNone, min: 0, max: 2 ** 32 - 1 }, problems)
  const readySeconds = readInteger(env, 'READY_SECONDS', { fallback: 60, min: 1, max: 600 }, problems)
  const stages = short ? scenario.short : scenario.stages
  const lengthSeconds = curveLengthMs(stages) / 1000
  const durationSeconds = readInteger(env, 'DURATION', { fallback: lengthSeconds, min: 5, max: 86_400, unit: ' seconds' }, problems)
  const clients = (env.CLIENTS || 'jittered') as StormClients
  if (!stormClients.includes(clients)) problems.push(`CLIENTS is "${clients}"; allowed: ${stormClients.join(', ')}`)
  const victim = env.VICTIM ?? ''
  if (!/^[A-Za-z0-9._-]{0,64}$/.test(victim)) problems.push(`VICTIM is "${victim}"; allowed: the name of a replica, as in ws-1`)
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    settings: {
      scenario: name as ScenarioName,
      short,
      target,
      sockets,
      socketsPerVu,
      rooms: scenario.rooms ?? ordinary.rooms,
      stages: stages.map(({ seconds, share }) => ({ seconds: (seconds * durationSeconds) / lengthSeconds, share })),
      seed,
      readySeconds,
      reportsDir: env.REPORTS_DIR || '/lab/reports',
      clients,
      victim,
    },
  }
}

function readInteger(
  env: Environment,
  name: string,
  { fallback, min, max, unit = '' }: { fallback: number; min: number; max: number; unit?: string },
  problems: string[],
): number {
  const text = env[name]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  problems.push(`${name} is "${text}"; allowed: a whole number from ${min} to ${max}${unit}`)
  return fallback
}

function readSwitch(env: Environment, name: string, problems: string[]): boolean {
  const text = env[name] ?? ''
  if (!['', '0', '1', 'true', 'false'].includes(text)) problems.push(`${name} is "${text}"; allowed: 1 or 0`)
  return text === '1' || text === 'true'
}

/** Accepts http:// for ws:// as well, since both name the same entry. */
function readTarget(env: Environment, problems: string[]): string {
  const text = env.TARGET || `ws://localhost:${hostPorts.LAB_PORT}`
  if (!/^(ws|http)s?:\/\/[A-Za-z0-9.[\]:-]+\/?$/.test(text)) {
    problems.push(`TARGET is "${text}"; allowed: ws://HOST:PORT, wss://, http:// or https://, without a path`)
  }
  return text.replace(/^http/, 'ws').replace(/\/$/, '')
}
