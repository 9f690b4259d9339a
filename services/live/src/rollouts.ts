/**
 * Provides the recorded events of rollouts, deploys and faults that the live page and Prometheus show. The live page's server only reads
 * these records and never writes to them.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type FaultEvent, faultRecord, liveMetrics, type RolloutEvent, rolloutEvent } from '@lab/contract/rollouts.ts'
import { Gauge, Registry } from 'prom-client'
import { z } from 'zod'

const recordSchema = z.object({
  events: z.array(rolloutEvent),
  rollout: z.object({ from: z.number(), target: z.number(), rollingBack: z.boolean(), ended: z.string().optional() }).optional(),
})
export type RolloutRecord = z.infer<typeof recordSchema>

/**
 * Returns the rollout record stored in a folder; undefined if there has been no rollout. The promise rejects if the record cannot be read.
 */
export async function readRollouts(folder: string): Promise<RolloutRecord | undefined> {
  const text = await readRecord(folder)
  return text === undefined ? undefined : recordSchema.parse(JSON.parse(text))
}

/** Returns the recorded events of faults in a folder, oldest first. The promise rejects if the record cannot be read. */
export async function readFaults(folder: string): Promise<readonly FaultEvent[]> {
  const text = await readRecord(folder)
  return text === undefined ? [] : faultRecord.parse(JSON.parse(text)).events
}

/** Returns the content of the record file in a folder; undefined if the file does not exist. */
function readRecord(folder: string): Promise<string | undefined> {
  return readFile(join(folder, 'record.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

/** Describes the current rollout in one sentence; returns null if no rollout is in progress. Pure. */
export function rolloutWords(record: RolloutRecord | undefined): string | null {
  const { rollout } = record ?? {}
  if (rollout === undefined || rollout.ended !== undefined) return null
  const what = rollout.rollingBack ? 'A rollback' : 'A rollout'
  return `${what} from revision ${rollout.from} to ${rollout.target} is under way: ./lab rollout status shows how far it is.`
}

/** Returns the events in the later rollout record that are not in the earlier one. Pure. */
export function newEvents(before: RolloutRecord | undefined, after: RolloutRecord | undefined): readonly RolloutEvent[] {
  const last = before?.events.at(-1)?.time ?? ''
  return (after?.events ?? []).filter(({ time }) => time > last)
}

/** Returns the metrics about recorded events that the live page's server exports. */
export function rolloutMetrics(read: () => RolloutRecord | undefined, faults: () => readonly FaultEvent[]): Registry {
  const registry = new Registry()
  const { name, help, labels } = liveMetrics.rolloutEvent
  new Gauge({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect() {
      this.reset()
      for (const { reason, time } of read()?.events ?? []) this.set({ reason }, Date.parse(time) / 1000)
    },
  })
  new Gauge({
    ...liveMetrics.faultEvent,
    labelNames: [...liveMetrics.faultEvent.labels],
    registers: [registry],
    collect() {
      this.reset()
      for (const { fault, phase, time } of faults()) this.set({ fault, phase }, Date.parse(time) / 1000)
    },
  })
  return registry
}
