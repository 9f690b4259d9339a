/** Runs faults on a lab under load, records evidence that each of them took effect, and undoes them. */
import { type PlanFaultName, planFaults } from '@lab/faults/catalogue/index.ts'
import { type Begun, begin, observe } from '@lab/faults/engine.ts'
import { pause, timed, until } from '@lab/host/until.ts'
import { healthByReplica } from '@lab/lab/entry.ts'
import type { AnyLab } from '@lab/lab/lab.ts'
import { everyReplica, type FaultRecord } from '@lab/ledger/drops.ts'

const evidenceEveryMs = 200
const wholeEveryMs = 250
/** Time limit for restoring the lab after an aborted run; a draining replica may have to exit first. Seconds. */
const restoreWithinSeconds = 130

/** A fault and, if it affects a single replica, the name of that replica. */
export interface Fault {
  kind: PlanFaultName
  replica: string | undefined
}

/** Faults that have started but have not been completely undone. */
const unfinished = new Set<Begun>()

/** Creates the record of a fault that starts now. */
export function beginRecord({ kind, replica }: Fault): FaultRecord {
  const { mayEnd, hitsEvery } = planFaults[kind].inPlan
  return {
    kind,
    replica: hitsEvery ? everyReplica : replica,
    mayEnd,
    fromMs: Date.now(),
    toMs: Number.POSITIVE_INFINITY,
    happened: false,
    detail: 'begun',
  }
}

/**
 * Runs one fault, undoes it, and waits until the lab has recovered.
 * @param record the fault's record, which this function completes; the list of faults must already contain it
 * @param stop signal that ends the fault as soon as possible; the fault is still undone
 */
export async function doFault(lab: AnyLab, fault: Fault, record: FaultRecord, stop: AbortSignal): Promise<void> {
  try {
    await act(lab, fault, record, stop)
  } catch (error) {
    // The fault could not start, so its record ends at the time of the error.
    record.toMs = Date.now()
    record.detail = (error as Error).message
  }
}

async function act(lab: AnyLab, { kind, replica }: Fault, record: FaultRecord, stop: AbortSignal): Promise<void> {
  const { inPlan } = planFaults[kind]
  const before = await namesOf(lab)
  const begun = await begin(lab, kind, { replica, seconds: inPlan.lastsSeconds })
  unfinished.add(begun)
  const startedAtMs = performance.now()
  const problems: string[] = []
  const seen: string[] = []
  let noticedFromMs = Date.now()
  try {
    const bounded = begun.plan.evidence.map((expectation) => ({ ...expectation, withinSeconds: inPlan.evidenceWithinSeconds }))
    // The `stop` signal does not interrupt the wait for evidence, because undoing a drain that has begun would take just as long.
    for (const { asExpected, what, detail } of await observe(lab, bounded, { everyMs: evidenceEveryMs }))
      (asExpected ? seen : problems).push(`${what} ${detail}`)
    record.happened = problems.length === 0
    if (inPlan.timed) record.tookMs = performance.now() - startedAtMs
    noticedFromMs = Date.now()
    if (inPlan.addsReplica) record.replica = (await namesOf(lab)).filter((name) => !before.includes(name)).join()
    await pause(inPlan.lastsSeconds * 1000, stop)
  } finally {
    // Connections to a replica that the fault added may be lost only once the fault is being undone.
    if (inPlan.addsReplica) record.fromMs = Date.now()
    problems.push(...(await undo(begun)))
  }
  if (inPlan.noticed.after === 'undo') noticedFromMs = Date.now()
  record.toMs = noticedFromMs + inPlan.noticed.seconds * 1000
  await timed(() => untilWhole(lab, before.length, inPlan.wholeWithinSeconds)).then(
    (tookMs) => seen.push(`all replicas were healthy ${(tookMs / 1000).toFixed(1)} s after the end`),
    (error: Error) => problems.push(error.message),
  )
  record.detail = [...problems, ...seen].join('; ')
  if (problems.length > 0) record.failed = problems.join('; ')
}

async function undo(begun: Begun): Promise<string[]> {
  const left = await begun.undo()
  if (left.length === 0) unfinished.delete(begun)
  return left.map((line) => `not undone: ${line}`)
}

async function namesOf(lab: AnyLab): Promise<string[]> {
  return (await lab.replicas()).map(({ name }) => name)
}

/** Waits until there are at least the given number of replicas, all are healthy, and each reports that it and its stores are ready. */
async function untilWhole(lab: AnyLab, atLeast: number, withinSeconds: number): Promise<void> {
  const isWhole = async () => {
    const replicas = await lab.replicas()
    if (replicas.length < atLeast || !replicas.every(({ healthy }) => healthy)) return false
    const health = await healthByReplica(lab.entry, replicas.length)
    return replicas.every(({ name }) => health.get(name) === 'ok')
  }
  await until('every replica is healthy and connected to its stores', isWhole, { withinMs: withinSeconds * 1000, everyMs: wholeEveryMs })
}

/**
 * Undoes the faults of an aborted run. The returned promise never rejects, because no caller could handle the error.
 * @returns the undo steps that failed
 */
export async function restore(lab: AnyLab): Promise<string[]> {
  const left = (await Promise.all([...unfinished].map(undo))).flat()
  try {
    // A scaler may have removed some of the replicas.
    await untilWhole(lab, 1, restoreWithinSeconds)
    return left
  } catch (error) {
    return [...left, (error as Error).message]
  }
}
