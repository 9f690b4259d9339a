/** Compares the numbers in captions with independent readings of their source from the same moment. Pure. */
import { z } from 'zod'
import type { DemoEvent } from '../core/events.ts'

/** Maximum accepted difference between a caption's number and its source. */
export const tolerance = 1
/** Maximum time, in seconds, between a caption and a reading with which its numbers are compared. */
export const nearSeconds = 1.5

const reading = z.object({
  /** Unix milliseconds. */
  at: z.number(),
  /** Name of the source from which the numbers were read. */
  source: z.string(),
  values: z.record(z.string(), z.number()),
})
/** One reading of a source: the time, the name of the source, and the values under the names that captions use. */
export type NumberReading = z.infer<typeof reading>

/** Parses a log of readings. @throws Error with the number of the first invalid line */
export function readChecks(text: string): NumberReading[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const read = reading.safeParse(JSON.parse(line))
    if (!read.success) throw new Error(`readings, line ${index + 1}: ${read.error.issues[0]?.message}`)
    return [read.data]
  })
}

/**
 * Lists the numbers in captions that differ from their source, one line each. The list also contains the numbers whose source was not read
 * at about the time of the caption.
 */
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
      if (values.length === 0) return [`the source was not read at that moment: ${where}`]
      // A number in a caption may lie anywhere between its source's values just before and just after the caption.
      if (isWithin(value, values)) return []
      return [`${near[0]?.source} reported ${rangeOf(values)}: ${where}`]
    })
  })
}

type Said = Extract<DemoEvent, { kind: 'say' }>

/** A still, the time at which it was captured (Unix milliseconds), and the caption that it shows, if any. */
export interface StillSaid {
  name: string
  at: number
  said: Said | undefined
}

/** Lists the numbers in the captions of stills that differ from the readings just before and just after the still, one line each. */
export function stillFaults(stills: readonly StillSaid[], readings: readonly NumberReading[]): string[] {
  return stills.flatMap(({ name, at, said }) => {
    const around = [readings.findLast((reading) => reading.at <= at), readings.find((reading) => reading.at > at)]
    return Object.entries(said?.numbers ?? {}).flatMap(([number, { value }]) => {
      const values = around.flatMap((reading) => reading?.values[number] ?? [])
      if (values.length === 0 || isWithin(value, values)) return []
      return [`still ${name}: ${number} was ${rangeOf(values)}, but its caption is: ${said?.text}`]
    })
  })
}

const isWithin = (value: number, values: readonly number[]) =>
  value >= Math.min(...values) - tolerance && value <= Math.max(...values) + tolerance
const rangeOf = (values: readonly number[]) => `${Math.min(...values)} to ${Math.max(...values)}`
