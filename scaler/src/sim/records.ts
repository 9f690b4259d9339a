/** Converts simulations to decision log records. */
import type { TickRecord } from '../record.ts'
import type { Simulation } from './simulate.ts'
import { simulate } from './simulate.ts'

/** Time of the first simulated record. */
export const simulatedStartMs = Date.UTC(2026, 0, 1, 12)
const actionSeconds = 2

/**
 * Returns a record for each sync in the simulation. Every simulated action succeeds; an action that scales down removes the replicas with
 * the highest numbers.
 */
export function simulatedRecords(simulation: Simulation): TickRecord[] {
  const { hpa, options } = simulation
  return simulate(simulation).map(({ decision, observation, memory }) => {
    const { scaleTo, currentReplicas } = decision
    const running = observation.pods.filter(({ deleting }) => !deleting).map(({ name }) => name)
    return {
      time: new Date(simulatedStartMs + decision.timeSeconds * 1000).toISOString(),
      hpa,
      options,
      timeScale: 1,
      paused: false,
      observation,
      decision,
      memory,
      action:
        scaleTo === null || currentReplicas === null
          ? null
          : { from: currentReplicas, to: scaleTo, result: 'Succeeded', durationSeconds: actionSeconds, removed: running.slice(scaleTo) },
      decideSeconds: 0.0001,
    }
  })
}

/** Returns the records as the content of a file, with one line per record. */
export function linesOf(records: readonly TickRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('')
}
