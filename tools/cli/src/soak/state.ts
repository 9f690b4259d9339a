/** The state of a soak test on disk: the plan, and one line of JSON per sample, so that an interrupted soak can be continued. Pure. */
import { z } from 'zod'
import { type Figure, figures, type Sample } from './verdict.ts'

/** Names of the files in the soak's folder. */
export const soakFiles = { plan: 'plan.json', samples: 'samples.jsonl', verdict: 'verdict.json', report: 'report.md' } as const

const plan = z.object({ seconds: z.number().positive(), sockets: z.number(), startedAt: z.string() })
export type SoakPlan = z.infer<typeof plan>

const sample = z.object({
  part: z.number(),
  elapsedSeconds: z.number(),
  sockets: z.number(),
  values: z.partialRecord(z.enum(Object.keys(figures) as [Figure, ...Figure[]]), z.number()),
})

export interface SoakState {
  plan: SoakPlan
  samples: Sample[]
  /** Number of the next part. */
  part: number
  /** How long the soak has run, without the interruptions. */
  elapsedSeconds: number
}

/**
 * Returns the state of a soak that was started earlier. The last line of the samples is ignored if the process was killed while writing it.
 * @throws Error if the plan or another line is not valid
 */
export function readState(planText: string, samplesText: string): SoakState {
  const whole = samplesText.slice(0, samplesText.lastIndexOf('\n') + 1)
  const samples = whole
    .split('\n')
    .filter(Boolean)
    .map((line) => sample.parse(JSON.parse(line)) as Sample)
  const last = samples.at(-1)
  const elapsedSeconds = last?.elapsedSeconds ?? 0
  return { plan: plan.parse(JSON.parse(planText)), samples, part: last === undefined ? 0 : last.part + 1, elapsedSeconds }
}

/** Returns the line that stores a sample. */
export function sampleLine(one: Sample): string {
  return `${JSON.stringify(one)}\n`
}

/** Returns the interval between two samples: 500 samples per run, at least 5 s and at most a minute apart. */
export function sampleEverySeconds(seconds: number): number {
  return Math.min(60, Math.max(5, seconds / 500))
}
