/** Computes which k6 containers to stop and how many sockets to open in order to reach a given number of sockets. Pure. */

export interface LoadRun {
  readonly name: string
  readonly sockets: number
}

/**
 * Stops as few of the newest k6 containers as necessary, and opens new sockets if the remaining containers have too few.
 * @param runs the running k6 containers, oldest first
 */
export function planLoad(runs: readonly LoadRun[], sockets: number): { stop: LoadRun[]; start: number } {
  const stop: LoadRun[] = []
  let left = runs.reduce((sum, run) => sum + run.sockets, 0)
  for (const run of [...runs].reverse()) {
    if (left <= sockets) break
    stop.push(run)
    left -= run.sockets
  }
  return { stop, start: sockets - left }
}
