/** Benchmarks how fast the scaler makes decisions, and how fast it replays recorded ones. */
import { performance } from 'node:perf_hooks'
import { LabError } from '@lab/host/lab-error.ts'
import { decide, recordRescale } from '@lab/scaler/core/decide.ts'
import type { Memory } from '@lab/scaler/core/decision.ts'
import { emptyMemory } from '@lab/scaler/core/decision.ts'
import type { Observation } from '@lab/scaler/core/types.ts'
import { defaultControllerOptions } from '@lab/scaler/core/types.ts'
import { hpaFixture, podsMetric } from '@lab/scaler/fakes/hpa-fixture.ts'
import { parseRecords } from '@lab/scaler/read-records.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { loadOf } from '@lab/scaler/replay/load.ts'
import { replay } from '@lab/scaler/replay/replay.ts'
import { verify } from '@lab/scaler/replay/verify.ts'
import { linesOf } from '@lab/scaler/sim/records.ts'

/** Numbers of replicas about which the scaler decides. */
const usualReplicas = 100
const manyReplicas = 10_000
/** CPU time of one measurement and of the warm-up, in seconds, and the number of measurements. */
const measureSeconds = 0.3
const warmUpSeconds = 0.5
const measurements = 5
const recordedHourSeconds = 3600

const hpa = hpaFixture({
  minReplicas: 2,
  maxReplicas: 200,
  metrics: [
    podsMetric('connections', 100),
    { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
    { type: 'Resource', name: 'memory', target: { type: 'AverageValue', averageValueMilli: 200 * 2 ** 20 * 1000 } },
    { type: 'External', metric: { name: 'queue' }, target: { type: 'AverageValue', averageValueMilli: 30_000 } },
  ],
  behavior: {
    scaleUp: { stabilizationWindowSeconds: 30, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] },
    scaleDown: { stabilizationWindowSeconds: 120, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 1, periodSeconds: 30 }] },
  },
})

/**
 * Creates an observation of replicas; `usual` replicas hold the mean load. The load oscillates by a third around its mean, with a period of ten minutes, so that
 * stabilization windows and policies take effect.
 */
function observation(timeSeconds: number, count: number, usual = usualReplicas): Observation {
  const connections = 90 + 30 * Math.sin((2 * Math.PI * timeSeconds) / 600)
  const total = connections * usual
  return {
    timeSeconds,
    scale: { specReplicas: count, statusReplicas: count },
    pods: Array.from({ length: count }, (_, i) => ({
      name: `ws-${i + 1}`,
      phase: 'Running',
      deleting: false,
      startTimeSeconds: -86_400,
      ready: { status: 'True', sinceSeconds: -86_000 },
      containers: [{ name: 'ws', requestsMilli: { cpu: 500, memory: 256 * 2 ** 20 * 1000 } }],
      sample: {
        timeSeconds,
        windowSeconds: 30,
        usageMilli: { ws: { cpu: Math.round((3 * total) / count), memory: 150 * 2 ** 20 * 1000 } },
      },
      valuesMilli: { connections: Math.round((total / count) * 1000) },
    })),
    objectValuesMilli: {},
    externalValuesMilli: { queue: [1_000_000, 500_000] },
  }
}

/** Simulates one hour of syncs, one per sync period, and returns their decision records. */
function recording(): TickRecord[] {
  const options = defaultControllerOptions
  let memory: Memory = emptyMemory
  let count = usualReplicas
  const records: TickRecord[] = []
  for (let timeSeconds = 0; timeSeconds < recordedHourSeconds; timeSeconds += options.syncPeriodSeconds) {
    const seen = observation(timeSeconds, count)
    const step = recordRescale(hpa, options, decide(hpa, options, seen, memory), { ok: true })
    memory = step.memory
    count = step.decision.scaleTo ?? count
    const time = new Date(timeSeconds * 1000).toISOString()
    records.push({
      time,
      hpa,
      options,
      timeScale: 1,
      paused: false,
      observation: seen,
      decision: step.decision,
      memory,
      action: null,
      decideSeconds: 0,
    })
  }
  return records
}

/**
 * Measures how many decisions per second of CPU time the scaler makes from prepared observations; the best of several measurements.
 * @param count number of replicas in each observation
 * @param observations number of different observations
 */
function decisionsPerSecond(count: number, observations: number): number {
  const options = defaultControllerOptions
  const scaled = { ...hpa, maxReplicas: 2 * count }
  const seen = Array.from({ length: observations }, (_, i) => observation(i * options.syncPeriodSeconds, count, count))
  const lap = seen.length * options.syncPeriodSeconds
  const decideFor = (seconds: number): number => {
    let memory: Memory = emptyMemory
    let decided = 0
    const start = cpuSeconds()
    while (cpuSeconds() - start < seconds || decided < seen.length) {
      const laps = Math.floor(decided / seen.length)
      const next = seen[decided % seen.length]
      if (next === undefined) throw new Error('no observation')
      const now = { ...next, timeSeconds: next.timeSeconds + laps * lap }
      memory = recordRescale(scaled, options, decide(scaled, options, now, memory), { ok: true }).memory
      decided += 1
    }
    return decided / (cpuSeconds() - start)
  }
  decideFor(warmUpSeconds)
  return Math.max(...Array.from({ length: measurements }, () => decideFor(measureSeconds)))
}

/** Returns the CPU time that this process has used. Unlike elapsed time, it does not grow while other processes use the cores. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000_000
}

function timed<T>(what: string, work: () => T): T {
  const start = performance.now()
  const result = work()
  console.log(`${what.padEnd(72)} ${((performance.now() - start) / 1000).toFixed(3)} s`)
  return result
}

/** A figure of the benchmark, with its goal. */
export interface Figure {
  readonly what: string
  readonly value: number
  readonly goal: number
  /** Whether a higher value is better. */
  readonly higherIsBetter: boolean
}

/** Returns a message for each figure that misses half of its goal: less than half of a rate, or more than twice a cost. */
export function failedGates(figures: readonly Figure[]): string[] {
  return figures.flatMap(({ what, value, goal, higherIsBetter }) => {
    const gate = higherIsBetter ? goal / 2 : goal * 2
    if (higherIsBetter ? value >= gate : value <= gate) return []
    return [`${what}: ${rounded(value)}, which is ${higherIsBetter ? 'below' : 'above'} ${rounded(gate)}; the goal is ${rounded(goal)}`]
  })
}

const rounded = (value: number) => (value >= 100 ? String(Math.round(value)) : value.toFixed(2))

/**
 * Prints the scaler benchmark's results, without writing them to files. Throws if a replay or a verification gives a wrong result, or if a
 * figure misses half of its goal.
 */
export function runScalerBench(): void {
  const usual = decisionsPerSecond(usualReplicas, 40)
  const many = decisionsPerSecond(manyReplicas, 4)
  const figures: Figure[] = [
    {
      what: `decisions about ${usualReplicas} replicas and ${hpa.metrics.length} metrics, per second of CPU time`,
      value: usual,
      goal: 20_000,
      higherIsBetter: true,
    },
    {
      what: `CPU time per replica with ${manyReplicas} replicas ÷ with ${usualReplicas}`,
      value: (usual * usualReplicas) / (many * manyReplicas),
      goal: 1,
      higherIsBetter: false,
    },
  ]
  for (const { what, value, goal, higherIsBetter } of figures)
    console.log(`${what.padEnd(72)} ${rounded(value)} (goal: ${higherIsBetter ? 'at least' : 'at most'} ${rounded(goal)})`)

  const text = linesOf(recording())
  const size = `${(text.length / 2 ** 20).toFixed(1)} MB`
  const read = timed(`reading a recorded hour (${size})`, () => parseRecords(text, 'recording'))
  if (!read.ok) throw new Error(read.problems.join('\n'))
  const records = read.value
  const load = timed(`extracting the load of ${records.length} synchronisations`, () => loadOf(records))
  const run = timed('replaying the hour with other settings', () => replay('other', { ...hpa, minReplicas: 20 }, load))
  const verification = timed('verifying every decision of the hour', () => verify(records))

  if (run.points.length !== records.length) throw new Error(`replayed ${run.points.length} of ${records.length}`)
  if (verification.differences.length > 0) throw new Error(`decisions differ: ${JSON.stringify(verification.differences[0])}`)
  console.log(
    `changes: ${run.points.filter(({ changed }) => changed).length} replayed, ${records.filter(({ decision }) => decision.scaleTo !== null).length} recorded`,
  )

  const failed = failedGates(figures)
  if (failed.length > 0) throw new LabError(failed.join('\n'))
}
