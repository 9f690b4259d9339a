/** Validates the options of `prove` and reports every conflict between them. Pure. */

import { mostSockets } from '@lab/contract/endpoints.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import { faultsOn, type PlanFaultName, planFaultNames } from '@lab/faults/catalogue/index.ts'
import { reportsFolder } from '@lab/host/project.ts'
import type { LabKind } from '@lab/lab/lab.ts'
import { shortestMs } from './core/fault-plan.ts'

export interface Options {
  /** The kind of lab on which to run. */
  on: LabKind
  /** Address of the embedded lab's live page; the default address if undefined. */
  page: string | undefined
  sockets: number
  rooms: number
  minutes: number
  drains: number | undefined
  /** Number of messages per second that all clients send together. */
  rate: number
  faults: readonly PlanFaultName[]
  seed: number
  /** Number of replicas during the run. */
  replicas: number
  /** Whether to start a lab for the run and remove it afterwards. */
  up: boolean
  /** Address of the store for an embedded lab that the command starts, in the form valkey://HOST:PORT. */
  valkey: string | undefined
  /** Address to which clients connect instead of the lab's port, in the form ws://HOST:PORT. */
  entry: string | undefined
  /** Folder into which prove.json and prove.md are written. */
  reports: string
  /** Whether to write a proof report; the run then includes load, scaling up and down, drains and a crash. */
  report: boolean
  /** Path of the price file for the proof report. */
  prices: string
}

/** The flags that were given, each of which is already known to be within its own bounds. */
export type Flags = Partial<Omit<Options, 'faults'>> & { faults?: string }

/** Bounds and defaults of the flags, for the parser and the help text. */
export const flagBounds = {
  sockets: { min: 1, max: mostSockets, fallback: 500 },
  rooms: { min: 1, max: 20_000 },
  rate: { min: 1, max: 5000, fallback: 50 },
  minutes: { min: 0.1, max: 1440 },
  drains: { min: 1, max: 5000 },
  replicas: { min: 2, max: 20, fallback: 3 },
  seed: { min: 0, max: 2 ** 32 - 1 },
} as const

/** Default options for a run with a proof report. */
const proof: { sockets: number; drains: number; faults: readonly PlanFaultName[] } = { sockets: 200, drains: 2, faults: ['drain', 'kill'] }

export const pricesFile = 'tools/prove/prices.yaml'

/**
 * @param seedIfNone the seed to use if --seed is not given
 * @returns the options, or one error message for each invalid or conflicting option
 */
export function readOptions(flags: Flags, seedIfNone: number): Result<Options> {
  const { on = 'compose', report = false, up = false, page, valkey, entry } = flags
  const problems: string[] = []
  const sockets = flags.sockets ?? (report ? proof.sockets : flagBounds.sockets.fallback)
  const asProof = report && flags.drains === undefined && flags.faults === undefined
  const drains = asProof ? proof.drains : flags.drains
  const faults = asProof ? [...proof.faults] : readFaults(flags.faults, drains, on, problems)
  const leastMinutes = shortestMs({ kinds: faults, drains }) / 60_000
  const minutes = flags.minutes ?? (drains === undefined ? Math.max(5, Math.ceil(leastMinutes)) : leastMinutes)
  if (minutes < leastMinutes) {
    const what = `${faults.length} kinds of faults${drains ? ` and ${drains} drains` : ''}`
    problems.push(`--minutes ${minutes}: ${what} take ${leastMinutes.toFixed(1)} at least`)
  }
  const rooms = flags.rooms ?? Math.max(1, Math.ceil(sockets / 20))
  if (rooms > sockets) problems.push(`--rooms ${rooms}: allowed is at most one room per socket, with ${sockets} sockets`)
  if (on !== 'embedded' && page !== undefined) problems.push('--page is for the embedded lab: --on embedded')
  if (on === 'embedded' && entry !== undefined) problems.push('--entry is for the labs on Compose and Kubernetes')
  if (on === 'kubernetes' && up) problems.push('--up is for the other kinds of labs; on Kubernetes: kubectl apply -k k8s/overlays/dev')
  if (on === 'kubernetes' && report) problems.push('--report is for the other kinds of labs: --on compose or --on embedded')
  if (up && page !== undefined) problems.push('--page names a running lab, but --up starts a new one')
  if (valkey !== undefined && !(up && on === 'embedded'))
    problems.push('--valkey is for an embedded lab that is started: --on embedded --up')
  if (problems.length > 0) return failure(...problems)
  return success({
    on,
    page,
    sockets,
    rooms,
    minutes,
    drains,
    rate: flags.rate ?? flagBounds.rate.fallback,
    faults,
    seed: flags.seed ?? seedIfNone,
    replicas: flags.replicas ?? flagBounds.replicas.fallback,
    up,
    valkey,
    entry,
    reports: flags.reports ?? (on === 'compose' ? reportsFolder() : `reports/${on}`),
    report,
    prices: flags.prices ?? pricesFile,
  })
}

function readFaults(given: string | undefined, drains: number | undefined, on: LabKind, problems: string[]): PlanFaultName[] {
  const there: PlanFaultName[] = faultsOn(on, planFaultNames)
  if (given === 'none') return []
  if (given === 'all' || (given === undefined && drains === undefined)) return there
  if (given === undefined) return ['drain']
  const named = given.split(',').map((name) => name.trim())
  // The name `reset` selects all faults that reset TCP connections.
  const resets = there.filter((kind) => kind.startsWith('reset-'))
  const names = [...new Set(named.flatMap((name) => (name === 'reset' ? resets : [name])))]
  const isThere = (name: string): name is PlanFaultName => there.some((kind) => kind === name)
  const unknown = names.filter((name) => !isThere(name))
  if (unknown.length > 0) {
    const where = { compose: '', embedded: ' on the embedded lab', kubernetes: ' on Kubernetes' }[on]
    problems.push(`--faults ${unknown.join(',')}: allowed${where} are ${there.join(', ')}, reset, all and none`)
  }
  return names.filter(isThere)
}
