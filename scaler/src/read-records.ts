/** Parses the text of a decision log. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { z } from 'zod'
import type { TickRecord } from './record.ts'

const replicas = z.number().int().nonnegative()

/** The required fields of a record. A file whose lines lack a required field is not a decision log. */
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
 * Returns a decision log's records in the order in which they appear in the file. Skips a final line without a newline, because the scaler
 * is still writing it. Fails at the first line that is not a record.
 * @param file file name to show in the error messages
 */
export function parseRecords(text: string, file: string): Result<TickRecord[]> {
  const records: TickRecord[] = []
  for (const [i, line] of text.split('\n').slice(0, -1).entries()) {
    if (line.trim() === '') continue
    const record = parseRecord(line, `${file}:${i + 1}`)
    if (!record.ok) return record
    records.push(record.value)
  }
  return success(records)
}

function parseRecord(line: string, where: string): Result<TickRecord> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    return failure(`${where}: not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const parsed = recordShape.safeParse(value)
  if (parsed.success) return success(value as TickRecord)
  const [issue] = parsed.error.issues
  return failure(`${where}: not a record of the decision log: ${issue?.path.join('.') || 'line'}: ${issue?.message}`)
}
