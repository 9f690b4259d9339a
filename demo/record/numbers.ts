/** Numbers that are said, against the same ones read from the source itself at that moment. Pure, apart from what it is given. */
import { z } from 'zod'
import type { DemoEvent } from '../core/events.ts'

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
      if (value >= Math.min(...values) - tolerance && value <= Math.max(...values) + tolerance) return []
      return [`${near[0]?.source} said ${Math.min(...values)} to ${Math.max(...values)}: ${where}`]
    })
  })
}
