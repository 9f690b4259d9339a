/** Computes the figures that scene captions refer to by name from a lab's readings. Pure. */
import type { ReplicaReading } from '@lab/host/readings.ts'
import type { FigureName, LocalLab, Readings } from '@lab/lab/lab.ts'
import type { Measured } from './events.ts'

/** The unit of each figure. */
const units: Record<FigureName, string> = {
  replicas: 'replicas',
  starting: 'replicas',
  draining: 'replicas',
  sockets: 'sockets',
  fullest: 'sockets',
  emptiest: 'sockets',
  answers: 'messages/s',
  p95: 'ms',
  desired: 'replicas',
  min: 'replicas',
  max: 'replicas',
  target: 'sockets',
}

export function isFigure(name: string): name is FigureName {
  return Object.hasOwn(units, name)
}

const tenth = (value: number) => Math.round(value * 10) / 10

/** Returns a figure's value, rounded for display. Returns null if the readings do not contain the figure. */
export function figureOf(name: FigureName, readings: Readings): number | null {
  const { replicas, scaler } = readings
  const inState = (wanted: ReplicaReading['state']) => replicas.filter(({ state }) => state === wanted)
  const filled = inState('ready').map(({ sockets }) => sockets)
  switch (name) {
    case 'replicas':
      return filled.length
    case 'starting':
    case 'draining':
      return inState(name).length
    case 'sockets':
      return replicas.reduce((sum, { sockets }) => sum + sockets, 0)
    case 'fullest':
      return filled.length === 0 ? null : Math.max(...filled)
    case 'emptiest':
      return filled.length === 0 ? null : Math.min(...filled)
    case 'answers':
      return readings.answersPerSecond === null ? null : Math.round(readings.answersPerSecond)
    case 'p95':
      return readings.p95Ms === null ? null : tenth(readings.p95Ms)
    default:
      return scaler?.[name] ?? null
  }
}

/** Returns a figure with its unit and its source. Returns null if the readings do not contain the figure. */
export function measure(name: FigureName, readings: Readings, sources: LocalLab['sources']): Measured | null {
  const value = figureOf(name, readings)
  return value === null ? null : { value, unit: units[name], source: sources[name] }
}

/** Summarises a lab's readings in one line, for the error message about a condition that was not met. */
export function seenText(readings: Readings): string {
  const each = readings.replicas.map(({ id, state, sockets }) => `${id} ${state === 'ready' ? sockets : `${state} ${sockets}`}`)
  const parts = [`sockets: ${each.join(', ') || 'no replica'}`]
  if (readings.scaler !== null)
    parts.push(`the scaler wants ${readings.scaler.desired ?? 'nothing yet'}${readings.scaler.paused ? ', paused' : ''}`)
  if (readings.storeUp === false) parts.push('Valkey does not answer')
  return parts.join('; ')
}
