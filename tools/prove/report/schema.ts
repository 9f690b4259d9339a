/** Defines the schema of the proof report, which is written to reports/proof/report.json and read by `./lab compare`. Pure. */
import { z } from 'zod'

/** This version is increased whenever a reader of an older version would misinterpret the report. */
export const schemaVersion = 4

const count = z.int().nonnegative()
/** Null if the value was not measured. */
const measured = z.number().nullable()
const counts = z.record(z.string(), count)
const atSeconds = z.number().describe('Seconds since the run began.')

/** Percentiles and maximum in milliseconds, and the number of values. */
const times = z.strictObject({ count, p50: measured, p90: measured, p95: measured, p99: measured, max: measured })

const slo = z.strictObject({
  id: z.string(),
  name: z.string(),
  formula: z.string(),
  /** Whether the value must not exceed the limit (`lower`), or must not fall below it (`higher`). */
  better: z.enum(['lower', 'higher']),
  limit: z.number(),
  unit: z.string(),
  value: measured,
  /** The project or document from which the objective was taken. */
  source: z.string(),
  /** A remark about the value, or the reason why it is missing. */
  note: z.string(),
  /** Whether the objective is met: false if it was not measured, and null if it does not apply to the run. */
  pass: z.boolean().nullable(),
})

const availability = z.strictObject({
  objective: z.number(),
  /** The availability equals the lowest ratio of its parts, because many deliveries do not make up for a client that could not connect. */
  ratio: measured,
  parts: z.array(
    z.strictObject({
      what: z.string(),
      attempts: count,
      succeeded: count,
      ratio: measured,
      /** Descriptions of the first few failed attempts, if they are known. */
      cases: z.array(z.string()),
    }),
  ),
})

const scaling = z.strictObject({
  by: z.enum(['scaler', 'run']),
  /** Factor by which the scaler's time ran faster than real time; null if there was no scaler. */
  timeScale: measured,
  synchronisations: count,
  timeline: z.array(
    z.strictObject({
      atSeconds,
      kind: z.enum(['demand', 'decision', 'started', 'ready', 'first socket', 'gone', 'fault']),
      text: z.string(),
    }),
  ),
  /** The number of running replicas and the number of healthy replicas, each time that one of these numbers changed. */
  replicas: z.array(z.strictObject({ atSeconds, running: count, ready: count })),
  ups: z.array(
    z.strictObject({
      from: count,
      to: count,
      /** Name of the new replica that received the first socket. */
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
  /** Descriptions of the first few violations of the delivery guarantees. */
  cases: z.array(z.string()),
  drops: z.strictObject({ total: count, explained: counts, unexplained: counts }),
})

/** Medians from one row of docs/benchmarks.md: of this service, and of plain `ws` in the same rounds. */
const wsComparison = z.strictObject({
  /** Title of the benchmark row. */
  id: z.string(),
  what: z.string(),
  unit: z.string(),
  better: z.enum(['lower', 'higher']),
  service: z.number(),
  ws: z.number(),
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
  /**
   * Load average over one minute, at the start and at the end of the run. If the load average far exceeds the number of cores, the
   * measured latencies are not meaningful.
   */
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
    surgeClients: count,
    minutes: z.number(),
    faults: z.array(z.string()),
  }),
  slos: z.array(slo),
  availability,
  scaling,
  ledger,
  latencies: z.array(z.strictObject({ id: z.string(), name: z.string(), times })),
  load: z.array(z.strictObject({ atSeconds, sockets: count, deliveredPerSecond: z.number() })),
  againstWs: z.array(wsComparison),
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
export type WsComparison = z.infer<typeof wsComparison>
export type Resources = z.infer<typeof resources>
export type Cost = z.infer<typeof cost>
export type CostAmount = z.infer<typeof amount>
export type Environment = z.infer<typeof environment>
export type ReportTimes = z.infer<typeof times>

/**
 * Parses the text of a proof report.
 * @param file file name for the error message
 * @throws Error with a one-line message that states the problem and its location
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
