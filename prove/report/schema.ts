/** The proof report as data: what reports/proof/report.json holds, and what `npm run compare` reads. Pure. */
import { z } from 'zod'

/** Grows when a reader of an older report would misunderstand a newer one. */
export const schemaVersion = 2

const count = z.int().nonnegative()
/** null: nothing was there to be measured. */
const measured = z.number().nullable()
const counts = z.record(z.string(), count)
const atSeconds = z.number().describe('Seconds since the run began.')

/** Milliseconds at these shares, and the longest; of how many. */
const times = z.strictObject({ count, p50: measured, p90: measured, p95: measured, p99: measured, max: measured })

const slo = z.strictObject({
  id: z.string(),
  name: z.string(),
  formula: z.string(),
  /** Whether values up to the limit hold, or those from it on. */
  better: z.enum(['lower', 'higher']),
  limit: z.number(),
  unit: z.string(),
  value: measured,
  /** Who asks for this. */
  source: z.string(),
  /** What has to be known of the value, or why there is none. */
  note: z.string(),
  /** What was not measured does not hold; null: the run had nothing that the objective speaks of. */
  pass: z.boolean().nullable(),
})

const availability = z.strictObject({
  objective: z.number(),
  /** The least of its parts: many messages that arrive make up for no client that could not connect. */
  ratio: measured,
  parts: z.array(
    z.strictObject({
      ...{ what: z.string(), attempts: count, succeeded: count, ratio: measured },
      /** The first that failed, in words, where that is known. */
      cases: z.array(z.string()),
    }),
  ),
})

const scaling = z.strictObject({
  by: z.enum(['scaler', 'run']),
  /** How much faster than a cluster's the clock of the scaler ran; null without one. */
  timeScale: measured,
  synchronisations: count,
  timeline: z.array(
    z.strictObject({
      atSeconds,
      kind: z.enum(['demand', 'decision', 'started', 'ready', 'first socket', 'gone', 'fault']),
      text: z.string(),
    }),
  ),
  /** From each moment on: containers that run, and of them those that are healthy. */
  replicas: z.array(z.strictObject({ atSeconds, running: count, ready: count })),
  ups: z.array(
    z.strictObject({
      from: count,
      to: count,
      /** The first of the new replicas that took a socket. */
      replica: z.string().nullable(),
      demandAtSeconds: measured,
      decisionAtSeconds: z.number(),
      readyAtSeconds: measured,
      firstSocketAtSeconds: measured,
    }),
  ),
})

const ledger = z.strictObject({
  sent: count,
  accepted: count,
  refused: count,
  stored: count,
  expected: count,
  delivered: count,
  provisional: count,
  findings: counts,
  /** The first cases, in words. */
  cases: z.array(z.string()),
  drops: z.strictObject({ total: count, explained: counts, unexplained: counts }),
})

const comparison = z.strictObject({
  id: z.string(),
  what: z.string(),
  unit: z.string(),
  better: z.enum(['lower', 'higher']),
  ours: z.strictObject({ value: z.number(), source: z.string() }).nullable(),
  theirs: z.strictObject({ value: z.number(), who: z.string(), source: z.string() }),
  /** Ours over theirs. */
  ratio: measured,
  verdict: z.enum(['10×', 'better', 'worse', 'not measured']),
  /** Why the two numbers are not of the same kind. */
  note: z.string(),
})

const resources = z.strictObject({
  replicas: z.array(
    z.strictObject({
      replica: z.string(),
      seconds: z.number().nonnegative(),
      cpuSeconds: measured,
      memoryPeakBytes: measured,
      memoryGibSeconds: measured,
    }),
  ),
  problem: z.string().nullable(),
})

const amount = z.strictObject({
  cpu: z.number(),
  memory: z.number(),
  total: z.number(),
  perMillionMessages: measured,
  perThousandUserHours: measured,
})

const cost = z.strictObject({
  currency: z.string(),
  prices: z.strictObject({ perVcpuHour: z.number(), perGibHour: z.number(), source: z.string() }),
  request: z.strictObject({ vcpu: z.number(), gib: z.number() }),
  replicaSeconds: z.number(),
  messages: count,
  socketHours: z.number(),
  byRequest: amount,
  byUsage: amount.nullable(),
})

const environment = z.strictObject({
  cores: z.number(),
  memoryBytes: z.number(),
  cpu: z.string(),
  /** Of one minute, at the beginning and at the end: with much more than there are cores, latencies say little. */
  loadAverage: z.tuple([z.number(), z.number()]),
  kernel: z.string(),
  engine: z.string(),
  compose: z.string(),
  node: z.string(),
  images: z.array(z.strictObject({ service: z.string(), image: z.string(), id: z.string() })),
  seed: z.number(),
  commandLine: z.string(),
  revision: z.string(),
})

export const reportSchema = z.strictObject({
  schemaVersion: z.literal(schemaVersion),
  startedAt: z.iso.datetime(),
  seconds: z.number().positive(),
  verdict: z.strictObject({ pass: z.boolean(), reasons: z.array(z.string()) }),
  settings: z.strictObject({
    sockets: count,
    rooms: count,
    rate: z.number(),
    guests: count,
    minutes: z.number(),
    faults: z.array(z.string()),
  }),
  slos: z.array(slo),
  availability,
  scaling,
  ledger,
  latencies: z.array(z.strictObject({ id: z.string(), name: z.string(), times })),
  load: z.array(z.strictObject({ atSeconds, sockets: count, deliveredPerSecond: z.number() })),
  comparisons: z.array(comparison),
  resources,
  cost,
  faults: z.array(
    z.strictObject({ atSeconds, kind: z.string(), replica: z.string().nullable(), happened: z.boolean(), detail: z.string() }),
  ),
  environment,
})

export type ProofReport = z.infer<typeof reportSchema>
export type Slo = z.infer<typeof slo>
export type Availability = z.infer<typeof availability>
export type Scaling = z.infer<typeof scaling>
export type Comparison = z.infer<typeof comparison>
export type Resources = z.infer<typeof resources>
export type Cost = z.infer<typeof cost>
export type CostAmount = z.infer<typeof amount>
export type Environment = z.infer<typeof environment>
export type ReportTimes = z.infer<typeof times>

/**
 * From the text of a report to its data.
 * @param file for the message
 * @throws Error that says in one line what is wrong, and where
 */
export function readReport(text: string, file: string): ProofReport {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Error(`${file}: not JSON: ${(error as Error).message}`)
  }
  const version = typeof value === 'object' && value !== null ? Reflect.get(value, 'schemaVersion') : undefined
  if (version !== schemaVersion) {
    throw new Error(`${file}: schemaVersion ${JSON.stringify(version) ?? 'is missing'}: this version of the lab reads ${schemaVersion}`)
  }
  const parsed = reportSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`${file}: ${issue?.path.join('.') || 'report'}: ${issue?.message}`)
}
