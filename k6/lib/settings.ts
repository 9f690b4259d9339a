/** Reads the settings from the environment and reports every invalid variable. Pure. */
import { hostPorts } from '../../contract/src/endpoints.ts'
import { k6Sockets } from '../../contract/src/load-control.ts'
import { failure, type Result, success } from '../../contract/src/result.ts'
import type { RoomUse, Scenario, ScenarioName, Stage } from './scenarios.ts'
import { curveLengthMs, ordinary, scenarios } from './scenarios.ts'

export interface Settings {
  scenario: ScenarioName
  short: boolean
  /** URL of the lab's endpoint: ws:// or wss://, without a path. */
  target: string
  sockets: number
  socketsPerVu: number
  rooms: RoomUse
  held: boolean
  stages: readonly Stage[]
  seed: number
  /**
   * Address of the live page's server, which each virtual user asks for changes of the number of sockets; empty if the load curve alone
   * determines the number of sockets.
   */
  control: string
  /** How long to wait for the lab to become ready, in seconds. */
  readySeconds: number
  /** The lab's Compose project, which is part of the summary's file name. */
  project: string
  /** Folder for the JSON summary. */
  reportsDir: string
}

type Environment = Record<string, string | undefined>

/**
 * Reads SCENARIO, SHORT, TARGET, SOCKETS, SOCKETS_PER_VU, DURATION, SEED, CONTROL, READY_SECONDS, LAB_PROJECT and REPORTS_DIR.
 * @param env the environment variables to read
 * @param seedIfNone the random seed to use if SEED is not set
 */
export function readSettings(env: Environment, seedIfNone: number): Result<Settings> {
  const problems: string[] = []
  const name = env.SCENARIO || 'default'
  const known = Object.hasOwn(scenarios, name)
  if (!known) problems.push(`SCENARIO is "${name}"; allowed: ${Object.keys(scenarios).join(', ')}`)
  const scenario: Scenario = scenarios[known ? (name as ScenarioName) : 'default']
  const short = readSwitch(env, 'SHORT', problems)
  const target = readTarget(env, problems)
  const sockets = readInteger(env, 'SOCKETS', { fallback: scenario.sockets, ...k6Sockets }, problems)
  const perVu = scenario.socketsPerVu ?? ordinary.socketsPerVu
  const socketsPerVu = readInteger(env, 'SOCKETS_PER_VU', { fallback: perVu, min: 1, max: 500 }, problems)
  const seed = readInteger(env, 'SEED', { fallback: seedIfNone, min: 0, max: 2 ** 32 - 1 }, problems)
  const control = readControl(env, problems)
  const readySeconds = readInteger(env, 'READY_SECONDS', { fallback: 60, min: 1, max: 600 }, problems)
  const stages = short ? scenario.short : scenario.stages
  const lengthSeconds = curveLengthMs(stages) / 1000
  const durationSeconds = readInteger(env, 'DURATION', { fallback: lengthSeconds, min: 5, max: 86_400, unit: ' seconds' }, problems)
  if (problems.length > 0) return failure(...problems)
  return success({
    scenario: name as ScenarioName,
    short,
    target,
    sockets,
    socketsPerVu,
    rooms: scenario.rooms ?? ordinary.rooms,
    held: scenario.held ?? false,
    stages: stages.map(({ seconds, share }) => ({ seconds: (seconds * durationSeconds) / lengthSeconds, share })),
    seed,
    control,
    readySeconds,
    project: env.LAB_PROJECT || 'lab',
    reportsDir: env.REPORTS_DIR || '/lab/reports',
  })
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

/** Accepts http:// in place of ws://, because both schemes refer to the same endpoint. */
function readTarget(env: Environment, problems: string[]): string {
  const text = env.TARGET || `ws://localhost:${hostPorts.LAB_PORT}`
  if (!/^(ws|http)s?:\/\/[A-Za-z0-9.[\]:-]+\/?$/.test(text)) {
    problems.push(`TARGET is "${text}"; allowed: ws://HOST:PORT, wss://, http:// or https://, without a path`)
  }
  return text.replace(/^http/, 'ws').replace(/\/$/, '')
}

function readControl(env: Environment, problems: string[]): string {
  const text = env.CONTROL ?? ''
  if (!/^(https?:\/\/[A-Za-z0-9.[\]:-]+\/?)?$/.test(text)) {
    problems.push(`CONTROL is "${text}"; allowed: http://HOST:PORT or https://, without a path, or nothing`)
  }
  return text.replace(/\/$/, '')
}
