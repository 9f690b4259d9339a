/** Numbers that are said, against the same ones read from the source itself at that moment. Pure, apart from what it is given. */
import { z } from 'zod'
import type { DemoEvent, StillName } from '../core/events.ts'

/** How far a number may be from its source. */
export const tolerance = 1
/** How far from the moment of saying a reading may be: what is read takes time to be read. Seconds. */
export const nearSeconds = 1.5

const reading = z.object({
  /** Unix milliseconds. */
  at: z.number(),
  /** Where it was read. */
  source: z.string(),
  values: z.record(z.string(), z.number()),
})
/** What a source said at a moment: values by the names that texts use for them. */
export type NumberReading = z.infer<typeof reading>

/** Reads a log of readings. Throws with the line that is none. */
export function readChecks(text: string): NumberReading[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const read = reading.safeParse(JSON.parse(line))
    if (!read.success) throw new Error(`readings, line ${index + 1}: ${read.error.issues[0]?.message}`)
    return [read.data]
  })
}

/** Numbers that were said and are not what their source said about then. A source that was not heard about then is a fault, too. */
export function numberFaults(events: readonly DemoEvent[], readings: readonly NumberReading[]): string[] {
  const known = new Set(readings.flatMap(({ values }) => Object.keys(values)))
  if (known.size === 0) return ['the source of the numbers was never read']
  return events.flatMap((event) => {
    if (event.kind !== 'say') return []
    return Object.entries(event.numbers).flatMap(([name, { value }]) => {
      if (!known.has(name)) return []
      const near = readings.filter(({ at, values }) => name in values && Math.abs(at - event.at) <= nearSeconds * 1000)
      const values = near.map(({ values }) => values[name] ?? 0)
      const where = `${name} ${value} in: ${event.text}`
      if (values.length === 0) return [`nobody read the source about then: ${where}`]
      // Between two readings it may have been anything between them.
      if (isWithin(value, values)) return []
      return [`${near[0]?.source} said ${rangeOf(values)}: ${where}`]
    })
  })
}

type Said = Extract<DemoEvent, { kind: 'say' }>

/** A still, when it was taken (Unix milliseconds), and what its caption says; undefined: it has none. */
export interface StillSaid {
  name: StillName
  at: number
  said: Said | undefined
}

/** Numbers in the caption of a still that are not what its picture shows: what their source said just before it and just after. */
export function stillFaults(stills: readonly StillSaid[], readings: readonly NumberReading[]): string[] {
  return stills.flatMap(({ name, at, said }) => {
    const around = [readings.findLast((reading) => reading.at <= at), readings.find((reading) => reading.at > at)]
    return Object.entries(said?.numbers ?? {}).flatMap(([number, { value }]) => {
      const values = around.flatMap((reading) => reading?.values[number] ?? [])
      if (values.length === 0 || isWithin(value, values)) return []
      return [`still ${name}: ${number} was ${rangeOf(values)}, but its caption says: ${said?.text}`]
    })
  })
}

const isWithin = (value: number, values: readonly number[]) =>
  value >= Math.min(...values) - tolerance && value <= Math.max(...values) + tolerance
const rangeOf = (values: readonly number[]) => `${Math.min(...values)} to ${Math.max(...values)}`
