/** What `npm run prove -- …` was asked for, or everything that is wrong with it. Pure. */
import { parseArgs } from 'node:util'
import { allFaultKinds, type FaultKind, faultKinds } from './core/fault-kinds.ts'
import { shortestMs } from './core/fault-plan.ts'

export interface Options {
  sockets: number
  rooms: number
  minutes: number
  drains: number | undefined
  /** Messages per second, all members together. */
  rate: number
  faults: readonly FaultKind[]
  seed: number
  /** Replicas that run all the time. */
  replicas: number
  /** Boot a lab of its own, and take it down. */
  up: boolean
  /** ws://HOST:PORT to dial in place of the lab's port. */
  entry: string | undefined
  /** Folder for prove.json and prove.md. */
  reports: string
  /** Write a proof report: load, scaling up and down, drains and a crash. */
  report: boolean
  /** Price file of the proof report. */
  prices: string
}

/** Drains of a proof report, and how many sockets and messages per second it has, unless others are named. */
const proof = { sockets: 200, drains: 2, faults: ['drain', 'kill'] } as const satisfies {
  faults: readonly FaultKind[]
  [name: string]: unknown
}

export const usage = `npm run prove -- [options]   on a lab that runs; exit code 0: nothing lost, 1: something was, 2: it could not be tried
  --sockets N     clients, 1 to 20000 (500)
  --rooms N       rooms they share (one for each 20)
  --rate N        room messages per second, all together, 1 to 5000 (50)
  --minutes M     how long, up to 1440 (as long as the faults take, 5 at least)
  --drains N      so many drains, and each other kind of --faults once
  --faults a,b    of ${allFaultKinds.join(', ')}; or all, none (all; with --drains only drain)
  --replicas N    replicas that run all the time, 2 to 20 (3)
  --seed S        the same seed gives the same plan (by the clock)
  --up            boot a lab for it and take it down
  --entry URL     dial this in place of the lab's port, as in ws://172.18.0.5:8000: Docker's own proxy carries a few thousand sockets at most
  --reports DIR   where prove.json and prove.md go (reports)
  --report        load, scaling up and down, two drains and a crash, in proof/report.html and report.json; then 200 sockets, unless
                  others are named, and --minutes is the time for the faults. With --up the lab has the scaler
  --prices FILE   what resources cost, for --report (prove/prices.yaml)
The lab is found by COMPOSE_PROJECT_NAME, LAB_PORT and TRAEFIK_DASHBOARD_PORT, as Compose finds it.`

export type ReadOptions = { ok: true; options: Options } | { ok: false; problems: string[] }

/** @param seedIfNone used without --seed */
export function readOptions(args: readonly string[], seedIfNone: number): ReadOptions {
  const problems: string[] = []
  let values: Record<string, string | boolean | undefined> = {}
  try {
    const text = { type: 'string' } as const
    values = parseArgs({
      args: [...args],
      options: {
        ...{
          sockets: text,
          rooms: text,
          minutes: text,
          drains: text,
          rate: text,
          faults: text,
          seed: text,
          replicas: text,
          reports: text,
          entry: text,
          prices: text,
        },
        up: { type: 'boolean' },
        report: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    return { ok: false, problems: [(error as Error).message] }
  }

  function number(name: string, fallback: number, min: number, max: number, whole = true): number {
    const text = values[name]
    if (text === undefined) return fallback
    const value = Number(text)
    if (/^\d+(\.\d+)?$/.test(String(text)) && value >= min && value <= max && (!whole || Number.isInteger(value))) return value
    problems.push(`--${name} ${text}: allowed is a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
    return fallback
  }

  const report = values.report === true
  const sockets = number('sockets', report ? proof.sockets : 500, 1, 20_000)
  const asProof = report && values.drains === undefined && values.faults === undefined
  const drains = asProof ? proof.drains : values.drains === undefined ? undefined : number('drains', 0, 1, 5000)
  const faults = asProof ? [...proof.faults] : readFaults(values.faults as string | undefined, drains, problems)
  const leastMinutes = shortestMs({ kinds: faults, drains }) / 60_000
  const fallbackMinutes = drains === undefined ? Math.max(5, Math.ceil(leastMinutes)) : leastMinutes
  const minutes = number('minutes', fallbackMinutes, 0.1, 1440, false)
  if (minutes < leastMinutes) {
    problems.push(
      `--minutes ${minutes}: ${faults.length} kinds of faults${drains ? ` and ${drains} drains` : ''} take ${leastMinutes.toFixed(1)} at least`,
    )
  }
  const options: Options = {
    ...{ sockets, drains, faults, minutes },
    rooms: number('rooms', Math.max(1, Math.ceil(sockets / 20)), 1, 20_000),
    rate: number('rate', 50, 1, 5000),
    seed: number('seed', seedIfNone, 0, 2 ** 32 - 1),
    replicas: number('replicas', 3, 2, 20),
    up: values.up === true,
    entry: values.entry as string | undefined,
    reports: (values.reports as string | undefined) ?? 'reports',
    report,
    prices: (values.prices as string | undefined) ?? 'prove/prices.yaml',
  }
  if (options.entry !== undefined && !/^wss?:\/\/[A-Za-z0-9.[\]:-]+$/.test(options.entry)) {
    problems.push(`--entry ${options.entry}: allowed is ws://HOST:PORT or wss://HOST:PORT`)
  }
  if (options.rooms > sockets) problems.push(`--rooms ${options.rooms}: allowed is at most one for each socket, which are ${sockets}`)
  return problems.length > 0 ? { ok: false, problems } : { ok: true, options }
}

function readFaults(given: string | undefined, drains: number | undefined, problems: string[]): FaultKind[] {
  if (given === 'none') return []
  if (given === 'all' || (given === undefined && drains === undefined)) return allFaultKinds
  if (given === undefined) return ['drain']
  const named = given.split(',').map((name) => name.trim())
  // All five at once, by their common name.
  const names = [
    ...new Set(named.flatMap((name) => (name === 'reset' ? allFaultKinds.filter((kind) => kind.startsWith('reset-')) : [name]))),
  ]
  const unknown = names.filter((name) => !Object.hasOwn(faultKinds, name))
  if (unknown.length > 0) problems.push(`--faults ${unknown.join(',')}: allowed are ${allFaultKinds.join(', ')}, reset, all and none`)
  return names.filter((name): name is FaultKind => Object.hasOwn(faultKinds, name))
}
