/** Which containers of load go and what is started, for a number of sockets. Pure. */

export interface LoadRun {
  readonly name: string
  readonly sockets: number
}

/**
 * The newest go first, and no more of them than have to; what is missing then is started.
 * @param runs those that run, the oldest first
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
