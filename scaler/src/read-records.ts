/** From the text of a decision log to its records. Reads no file itself. */
import { z } from 'zod'
import type { TickRecord } from './record.ts'

/** A line that is not a record; the message says where. */
export class RecordError extends Error {}

const replicas = z.number().int().nonnegative()

/** What a record cannot do without. The scaler writes the lines: this finds a wrong file, not a wrong scaler. */
const recordShape = z.looseObject({
  time: z.iso.datetime({ offset: true }),
  hpa: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    minReplicas: replicas,
    maxReplicas: replicas,
    scaleTargetRef: z.looseObject({ kind: z.string(), name: z.string() }),
    metrics: z.array(z.looseObject({ type: z.string(), target: z.looseObject({}) })),
  }),
  options: z.looseObject({ syncPeriodSeconds: z.number().positive(), tolerance: z.number() }),
  timeScale: z.number().positive(),
  paused: z.boolean(),
  observation: z.looseObject({
    timeSeconds: z.number(),
    scale: z.union([z.looseObject({ specReplicas: replicas, statusReplicas: replicas }), z.looseObject({ error: z.string() })]),
    pods: z.array(z.looseObject({ name: z.string(), valuesMilli: z.record(z.string(), z.number()) })),
  }),
  decision: z.looseObject({
    timeSeconds: z.number(),
    path: z.string(),
    metrics: z.array(z.looseObject({ name: z.string() })),
    conditions: z.array(z.looseObject({ type: z.string(), sinceSeconds: z.number() })),
    events: z.array(z.looseObject({ reason: z.string() })),
    desiredReplicas: replicas,
  }),
  memory: z.looseObject({ status: z.looseObject({}) }),
  decideSeconds: z.number().nonnegative(),
})

/**
 * The records in the order of the file. A last line without an end is left out: the scaler is still writing it.
 * @param file for the messages
 * @throws RecordError at the first line that is not a record
 */
export function parseRecords(text: string, file: string): TickRecord[] {
  const lines = text.split('\n').slice(0, -1)
  return lines.flatMap((line, i) => (line.trim() === '' ? [] : [parseRecord(line, `${file}:${i + 1}`)]))
}

function parseRecord(line: string, where: string): TickRecord {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new RecordError(`${where}: not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const parsed = recordShape.safeParse(value)
  if (parsed.success) return value as TickRecord
  const [issue] = parsed.error.issues
  throw new RecordError(`${where}: not a record of the decision log: ${issue?.path.join('.') || 'line'}: ${issue?.message}`)
}
