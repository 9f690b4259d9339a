/** Faults done to a running lab, each with the evidence that it took place, and the way back from it. */
import { rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { services } from '../contract/src/endpoints.ts'
import type { FaultRecord } from './core/drops.ts'
import type { PlannedFault } from './core/fault-plan.ts'
import { docker } from './docker.ts'
import { type ResetPhase, resetAt } from './handshake.ts'
import { type Lab, until, pause as wait } from './lab.ts'

const frozenMs = 10_000
const valkeyFrozenMs = 5_000
/** How long a crash may go on being noticed: clients find out when the router does. */
const crashNoticedMs = 10_000
/** After a replica thaws, connections that were given up meanwhile end. */
const thawNoticedMs = 10_000
const healWithinMs = 10_000
const resetsEach = 5
/** Drain delay, drain timeout, last scrape, and some air: within stop_grace_period. */
const drainWithinSeconds = 40
const backWithinMs = 90_000
/** Of a replica that may have to end first. */
const wholeWithinMs = drainWithinSeconds * 1000 + backWithinMs

/** What an act on the lab left behind: what it hit, the evidence, and what did not go as it must. */
type Outcome = Pick<FaultRecord, 'detail'> & Partial<Pick<FaultRecord, 'replica' | 'toMs' | 'failed'>>

const reloadFile = fileURLToPath(new URL('../traefik/dynamic/prove-reload.yaml', import.meta.url))
const reloadMiddleware = 'prove-reload'

/**
 * Does one fault and waits until the lab is whole again.
 * @param record is in the list of faults from the start, so that what happens meanwhile is explained by it; filled in here
 * @param stop makes the fault as short as it can be; what it did is put back all the same
 */
export async function doFault(lab: Lab, fault: PlannedFault, record: FaultRecord, stop: AbortSignal): Promise<void> {
  try {
    const outcome = await act(lab, fault, record, stop)
    record.happened = true
    record.toMs = Date.now()
    Object.assign(record, outcome)
  } catch (error) {
    record.toMs = Date.now()
    record.detail = (error as Error).message
    if (record.happened) record.failed = record.detail
  }
}

function act(lab: Lab, { kind, replica = 0 }: PlannedFault, record: FaultRecord, stop: AbortSignal): Promise<Outcome> {
  switch (kind) {
    case 'drain':
      return drain(lab, replica, record)
    case 'kill':
      return kill(lab, replica, record, stop)
    case 'pause':
      return pause(lab, replica, record, stop)
    case 'valkey-restart':
      return restartValkey(lab, record)
    case 'valkey-pause':
      return pauseValkey(lab, record, stop)
    case 'traefik-reload':
      return reloadTraefik(lab, record)
    case 'scale':
      return scale(lab, record, stop)
    default:
      return reset(lab, kind, record, stop)
  }
}

async function drain(lab: Lab, number: number, record: FaultRecord): Promise<Outcome> {
  const name = lab.container(services.ws, number)
  const startedAtMs = performance.now()
  await docker(['kill', '--signal', 'TERM', name])
  record.happened = true
  const exitCode = (await docker(['wait', name], drainWithinSeconds)).trim()
  const tookMs = performance.now() - startedAtMs
  record.tookMs = tookMs
  // A close frame on its way when the process ended.
  const toMs = Date.now() + 1000
  const backMs = await startAgain(lab, name)
  const detail = `exit ${exitCode} after ${seconds(tookMs)}, healthy again ${seconds(backMs)} later`
  return { toMs, detail, ...(exitCode !== '0' && { failed: `${record.replica} ended with exit code ${exitCode}, not 0` }) }
}

async function kill(lab: Lab, number: number, record: FaultRecord, stop: AbortSignal): Promise<Outcome> {
  const name = lab.container(services.ws, number)
  await docker(['kill', '--signal', 'KILL', name])
  const toMs = Date.now() + crashNoticedMs
  const { ExitCode } = await lab.state(name)
  record.happened = ExitCode === 137
  // Clients find another replica before this one is back.
  await wait(5000, stop)
  return { toMs, detail: `exit ${ExitCode}, healthy again ${seconds(await startAgain(lab, name))} after its start` }
}

async function startAgain(lab: Lab, name: string): Promise<number> {
  await docker(['start', name])
  return untilHealthy(lab, name)
}

function untilHealthy(lab: Lab, name: string): Promise<number> {
  return until(`${name} healthy again`, async () => (await lab.state(name)).Health?.Status === 'healthy', backWithinMs, 500)
}

async function pause(lab: Lab, number: number, record: FaultRecord, stop: AbortSignal): Promise<Outcome> {
  const name = lab.container(services.ws, number)
  const tookMs = await freeze(lab, name, { forMs: frozenMs, record, stop })
  const toMs = Date.now() + thawNoticedMs
  // A probe that was under way when it froze counts as failed, so Docker may have to ask once more.
  const healMs = await healed(lab)
  await untilHealthy(lab, name)
  return { toMs, detail: `frozen for ${seconds(tookMs)}, well again ${seconds(healMs)} later` }
}

interface Freeze {
  forMs: number
  record: FaultRecord
  stop: AbortSignal
}

/** Freezes a container. Returns for how many milliseconds. */
async function freeze(lab: Lab, name: string, { forMs, record, stop }: Freeze): Promise<number> {
  const startedAtMs = performance.now()
  await docker(['pause', name])
  try {
    record.happened = (await lab.state(name)).Paused
    await wait(forMs, stop)
  } finally {
    await docker(['unpause', name])
  }
  return performance.now() - startedAtMs
}

async function restartValkey(lab: Lab, record: FaultRecord): Promise<Outcome> {
  const name = lab.container(services.valkey)
  const before = (await lab.state(name)).StartedAt
  await docker(['restart', '--timeout', '10', name])
  record.happened = (await lab.state(name)).StartedAt !== before
  return { detail: `restarted, replicas well again ${seconds(await healed(lab))} later` }
}

async function pauseValkey(lab: Lab, record: FaultRecord, stop: AbortSignal): Promise<Outcome> {
  const tookMs = await freeze(lab, lab.container(services.valkey), { forMs: valkeyFrozenMs, record, stop })
  return { detail: `frozen for ${seconds(tookMs)}, replicas well again ${seconds(await healed(lab))} later` }
}

/** Waits until every replica that runs says that it is well. Returns how many milliseconds that took. */
async function healed(lab: Lab): Promise<number> {
  const all = async () => {
    const [numbers, health] = [await lab.replicas(), await lab.health()]
    return numbers.every((number) => health.get(`${services.ws}-${number}`) === 'ok')
  }
  return until('every replica well again', all, healWithinMs)
}

async function reset(lab: Lab, phase: ResetPhase, record: FaultRecord, stop: AbortSignal): Promise<Outcome> {
  for (let i = 0; i < resetsEach; i++) await until(`a ${phase}`, () => resetAt(phase, lab.entry).then(() => true), 5000, 200, stop)
  record.happened = true
  return { detail: `${resetsEach} connections` }
}

async function reloadTraefik(lab: Lab, record: FaultRecord): Promise<Outcome> {
  try {
    const content = [
      'http:',
      '  middlewares:',
      `    ${reloadMiddleware}:`,
      '      headers:',
      '        customRequestHeaders: { X-Prove: "1" }',
      '',
    ]
    writeFileSync(reloadFile, content.join('\n'))
    const thereMs = await until('Traefik has the new configuration', () => lab.hasMiddleware(reloadMiddleware), 10_000, 100)
    record.happened = true
    rmSync(reloadFile)
    const goneMs = await until('Traefik has the old configuration', async () => !(await lab.hasMiddleware(reloadMiddleware)), 10_000, 100)
    return { detail: `read after ${seconds(thereMs)}, and back after ${seconds(goneMs)}` }
  } finally {
    rmSync(reloadFile, { force: true })
  }
}

async function scale(lab: Lab, record: FaultRecord, stop: AbortSignal): Promise<Outcome> {
  const numbers = await lab.replicas()
  await lab.scaleTo(numbers.length + 1)
  const added = (await lab.replicas()).filter((number) => !numbers.includes(number))
  record.replica = added.map((number) => `${services.ws}-${number}`).join()
  await wait(5000, stop)
  // Only from here on may a connection be lost to it.
  record.fromMs = Date.now()
  await lab.scaleTo(numbers.length)
  record.happened = added.length === 1 && (await lab.replicas()).join() === numbers.join()
  return { toMs: Date.now() + 1000, detail: `${numbers.length} → ${numbers.length + 1} (${record.replica}) → ${numbers.length}` }
}

/** Undoes what a run that was cut short left behind. Never throws: it is the last thing that happens. @returns what could not be undone */
export async function restore(lab: Lab, replicas: readonly number[]): Promise<string[]> {
  rmSync(reloadFile, { force: true })
  const names = [...replicas.map((number) => lab.container(services.ws, number)), lab.container(services.valkey)]
  const troubles = names.map(async (name) => {
    try {
      await until(`${name} runs and is healthy`, () => isWhole(lab, name), wholeWithinMs, 500)
    } catch (error) {
      return [`${name} is not as it was: ${(error as Error).message}`]
    }
    return []
  })
  return (await Promise.all(troubles)).flat()
}

/**
 * Whether a container runs and is healthy; where it does not, what it lacks for that is done. One that was asked to leave and
 * took too long is unhealthy by now: once it has ended it is started.
 */
async function isWhole(lab: Lab, name: string): Promise<boolean> {
  const state = await lab.state(name).catch((error: Error) => {
    // A scaler may have taken it away.
    if (/no such (object|container)/i.test(error.message)) return undefined
    throw error
  })
  if (state === undefined) return true
  if (state.Paused) await docker(['unpause', name])
  else if (state.Status === 'exited') await docker(['start', name])
  return state.Status === 'running' && state.Health?.Status === 'healthy'
}

/** A record for a fault that begins now. */
export function beginRecord({ kind, replica }: PlannedFault): FaultRecord {
  const name = replica === undefined ? undefined : `${services.ws}-${replica}`
  return { kind, replica: name, fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY, happened: false, detail: 'begun' }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
