/** Benchmarks how fast the scaler makes decisions, and how fast it replays recorded ones. */
import { performance } from 'node:perf_hooks'
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

const replicas = 100
const measureSeconds = 3
const warmUpSeconds = 0.5
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
 * Creates an observation of about a hundred replicas. The load oscillates by a third around its mean, with a period of ten minutes, so that
 * stabilization windows and policies take effect.
 */
function observation(timeSeconds: number, count: number): Observation {
  const connections = 90 + 30 * Math.sin((2 * Math.PI * timeSeconds) / 600)
  const total = connections * replicas
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
  let count = replicas
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

/** Measures how many decisions per second the scaler makes from prepared observations. */
function decisionsPerSecond(): number {
  const options = defaultControllerOptions
  const seen = Array.from({ length: 40 }, (_, i) => observation(i * options.syncPeriodSeconds, replicas))
  const lap = seen.length * options.syncPeriodSeconds
  let memory: Memory = emptyMemory
  let decided = 0
  const decideFor = (seconds: number): number => {
    const start = performance.now()
    decided = 0
    while (performance.now() - start < seconds * 1000) {
      const laps = Math.floor(decided / seen.length)
      const next = seen[decided % seen.length]
      if (next === undefined) throw new Error('no observation')
      const now = { ...next, timeSeconds: next.timeSeconds + laps * lap }
      memory = recordRescale(hpa, options, decide(hpa, options, now, memory), { ok: true }).memory
      decided += 1
    }
    return decided / ((performance.now() - start) / 1000)
  }
  decideFor(warmUpSeconds)
  memory = emptyMemory
  return decideFor(measureSeconds)
}

function timed<T>(what: string, work: () => T): T {
  const start = performance.now()
  const result = work()
  console.log(`${what.padEnd(64)} ${((performance.now() - start) / 1000).toFixed(3)} s`)
  return result
}

/** Prints the scaler benchmark's results, without writing them to files. Throws if a replay or a verification gives a wrong result. */
export function runScalerBench(): void {
  const perSecond = decisionsPerSecond()
  console.log(
    `${`decisions about ${replicas} replicas and ${hpa.metrics.length} metrics`.padEnd(64)} ${Math.round(perSecond)} decisions per second`,
  )

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
}
