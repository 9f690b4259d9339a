/**
 * Defines the schema of a scene's events, which are stored as one line of JSON per event. Pure. Both the transcript and the video are
 * created from the events and checked against them.
 */
import { localKinds } from '@lab/lab/lab.ts'
import { z } from 'zod'

const measured = z.object({
  value: z.number(),
  /** Unit of the number; empty for a plain count. */
  unit: z.string(),
  /** Source of the measured number, for example a metric or a PromQL query. */
  source: z.string(),
})
/** A measured number with its unit and its source. */
export type Measured = z.infer<typeof measured>

const stamp = {
  /** Unix milliseconds. */
  at: z.number(),
  /** Time since the scene began, in seconds. */
  seconds: z.number(),
}

const demoEvent = z.discriminatedUnion('kind', [
  z.object({
    ...stamp,
    kind: z.literal('scene'),
    name: z.string(),
    title: z.string(),
    /** The kind of lab on which the scene is played. */
    on: z.enum(localKinds),
    seed: z.number(),
    /** Factor by which the scaler's clock runs faster than in a cluster. */
    timeScale: z.number(),
  }),
  z.object({ ...stamp, kind: z.literal('chapter'), title: z.string() }),
  /** A caption with its measurements: `numbers` contains every number in the text, measured when the caption was created. */
  z.object({ ...stamp, kind: z.literal('say'), text: z.string(), numbers: z.record(z.string(), measured) }),
  z.object({ ...stamp, kind: z.literal('note'), name: z.string(), ...measured.shape }),
  z.object({ ...stamp, kind: z.literal('load'), sockets: z.number(), text: z.string() }),
  /** An action taken by the director, for example pausing the scaler. */
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
  /** A scaling decision, as recorded by the scaler. The replica counts are null if the scaler could not determine them. */
  z.object({
    ...stamp,
    kind: z.literal('decision'),
    current: z.number().nullable(),
    desired: z.number().nullable(),
    reason: z.string(),
    text: z.string(),
  }),
  z.object({ ...stamp, kind: z.literal('fault'), name: z.string(), target: z.string(), text: z.string() }),
  z.object({ ...stamp, kind: z.literal('still'), name: z.string() }),
  /** Alternative views, of which a recording shows the first that the lab has. */
  z.object({ ...stamp, kind: z.literal('show'), views: z.array(z.string()) }),
  /** A command whose output a recording shows; `lines` selects lines of the output. */
  z.object({ ...stamp, kind: z.literal('run'), command: z.string(), lines: z.array(z.string()).nullable() }),
  z.object({ ...stamp, kind: z.literal('undo'), text: z.string() }),
  z.object({ ...stamp, kind: z.literal('end'), verdict: z.enum(['passed', 'failed', 'interrupted']), text: z.string() }),
])

export type DemoEvent = z.infer<typeof demoEvent>
export type SceneResult = Extract<DemoEvent, { kind: 'end' }>['verdict']

type WithoutStamp<E> = E extends unknown ? Omit<E, keyof typeof stamp> : never
/** An event without its timestamps. */
export type EventBody = WithoutStamp<DemoEvent>

/** Parses an event log. @throws Error with the line number and the first error in that line */
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
