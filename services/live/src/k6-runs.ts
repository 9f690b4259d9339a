/**
 * Keeps the k6 runs in progress, which report themselves by polling, and the number of sockets that each of them should have. Pure.
 */
import { k6Sockets, type LoadAnswer, type LoadChange, type LoadPoll, loadControl } from '@lab/contract/load-control.ts'
import { z } from 'zod'

/** Maximum number of runs that can be changed at the same time. */
const maxRuns = 8
/** k6 runs have at most one virtual user per socket. */
const maxVus = k6Sockets.max

/** The schema of a poll. */
export const loadPoll = z.strictObject({
  run: z.string().min(1).max(40),
  vu: z.int().min(0).max(maxVus),
  open: z.int().min(0).max(k6Sockets.max),
  wanted: z.int().min(0).max(k6Sockets.max),
}) satisfies z.ZodType<LoadPoll>

interface Run {
  wanted: number
  change: LoadChange | null
  polledAtMs: number
  /** Number of open sockets of each virtual user. */
  readonly open: Map<number, number>
}

export class K6Runs {
  private readonly runs = new Map<string, Run>()

  /** Records a virtual user's report, and returns the latest change of its run. A run beyond the maximum number of runs is not recorded. */
  poll({ run: name, vu, open, wanted }: LoadPoll, nowMs: number): LoadAnswer {
    this.forget(nowMs)
    let run = this.runs.get(name)
    if (run === undefined) {
      if (this.runs.size >= maxRuns) return { change: null }
      run = { wanted, change: null, polledAtMs: nowMs, open: new Map() }
      this.runs.set(name, run)
    }
    run.polledAtMs = nowMs
    run.open.set(vu, open)
    return { change: run.change }
  }

  /**
   * Changes the number of sockets of the runs in progress, which share it equally. The change applies after one polling interval, so that
   * every virtual user knows it by then.
   */
  want(sockets: number, nowMs: number): void {
    this.forget(nowMs)
    const atMs = nowMs + loadControl.pollEveryMs
    const count = this.runs.size
    for (const [index, run] of [...this.runs.values()].entries()) {
      run.wanted = Math.floor(sockets / count) + (index < sockets % count ? 1 : 0)
      run.change = { sockets: run.wanted, atMs }
    }
  }

  /** Returns the number of sockets that all runs should have, and how many of them are open; null without a run. */
  report(nowMs: number): { wanted: number; open: number } | null {
    this.forget(nowMs)
    if (this.runs.size === 0) return null
    const runs = [...this.runs.values()]
    const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)
    return { wanted: sum(runs.map(({ wanted }) => wanted)), open: sum(runs.map(({ open }) => sum(open.values()))) }
  }

  private forget(nowMs: number): void {
    for (const [name, { polledAtMs }] of this.runs) if (nowMs - polledAtMs > loadControl.silentAfterMs) this.runs.delete(name)
  }
}
