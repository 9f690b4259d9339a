/** What happens in a scene, one JSON line each: what the transcript, the recording and the checks of both read. Pure. */
import { z } from 'zod'

/** Pictures that a recording may want, by the moment that they show. */
export const stillNames = ['start', 'under-load', 'scaling-out', 'at-maximum', 'draining', 'scaled-in', 'failure', 'recovery'] as const
export type StillName = (typeof stillNames)[number]

export const surfaces = ['embedded', 'compose'] as const
/** Where a scene plays. */
export type Surface = (typeof surfaces)[number]

const measured = z.object({
  value: z.number(),
  /** Empty for a plain count. */
  unit: z.string(),
  /** Where the value was read: a metric, a query, or whose count it is. */
  source: z.string(),
})
/** A number with where it comes from. */
export type Measured = z.infer<typeof measured>

const stamp = {
  /** Unix milliseconds. */
  at: z.number(),
  /** Since the scene began. */
  seconds: z.number(),
}

const demoEvent = z.discriminatedUnion('kind', [
  z.object({
    ...stamp,
    kind: z.literal('scene'),
    name: z.string(),
    title: z.string(),
    surface: z.enum(surfaces),
    seed: z.number(),
    /** How much faster than in a cluster the scaler's time goes. */
    timeScale: z.number(),
  }),
  z.object({ ...stamp, kind: z.literal('chapter'), title: z.string() }),
  /** Every number in the text is one of `numbers`, measured when it was said. */
  z.object({ ...stamp, kind: z.literal('say'), text: z.string(), numbers: z.record(z.string(), measured) }),
  z.object({ ...stamp, kind: z.literal('note'), name: z.string(), ...measured.shape }),
  z.object({ ...stamp, kind: z.literal('load'), sockets: z.number(), text: z.string() }),
  /** What the director did. */
  z.object({ ...stamp, kind: z.literal('action'), text: z.string() }),
  z.object({
    ...stamp,
    kind: z.literal('fact'),
    what: z.string(),
    withinSeconds: z.number(),
    tookSeconds: z.number(),
    seen: z.string(),
  }),
  z.object({ ...stamp, kind: z.literal('unmet'), what: z.string(), withinSeconds: z.number(), seen: z.string() }),
  /** A record of the scaler's, as it came. Null: it could not tell. */
  z.object({
    ...stamp,
    kind: z.literal('decision'),
    current: z.number().nullable(),
    desired: z.number().nullable(),
    reason: z.string(),
    text: z.string(),
  }),
  z.object({ ...stamp, kind: z.literal('fault'), name: z.string(), target: z.string(), text: z.string() }),
  z.object({ ...stamp, kind: z.literal('still'), name: z.enum(stillNames) }),
  z.object({ ...stamp, kind: z.literal('undo'), text: z.string() }),
  z.object({ ...stamp, kind: z.literal('end'), verdict: z.enum(['passed', 'failed', 'interrupted']), text: z.string() }),
])

export type DemoEvent = z.infer<typeof demoEvent>
export type Verdict = Extract<DemoEvent, { kind: 'end' }>['verdict']

type WithoutStamp<E> = E extends unknown ? Omit<E, keyof typeof stamp> : never
/** An event before it has its time. */
export type EventBody = WithoutStamp<DemoEvent>

/** Reads a log of events. Throws with the line and what is wrong with it. */
export function readEvents(text: string): DemoEvent[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const read = demoEvent.safeParse(jsonOf(line))
    if (read.success) return [read.data]
    const [issue] = read.error.issues
    throw new Error(`line ${index + 1}: ${issue?.path.join('.') || 'event'}: ${issue?.message}`)
  })
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
