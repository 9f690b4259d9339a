/** The progress of all labs of a workshop, as reported by the labs. Pure. */
import { type LabProgress, type LabView, workshopBounds } from '@lab/contract/workshop-api.ts'

interface Member {
  progress: LabProgress
  reportedAtMs: number
}

/** The reason why a report is refused, with its HTTP status. */
export interface Refusal {
  status: 409 | 429
  error: string
}

export class Room {
  private readonly members = new Map<string, Member>()
  private second = { startedAtMs: Number.NEGATIVE_INFINITY, reports: 0 }

  /** Stores the report of a lab. Returns the reason if the report is refused; otherwise null. */
  report(progress: LabProgress, nowMs: number): Refusal | null {
    const { labs, reportsPerSecond, reportsOfAllPerSecond } = workshopBounds
    if (nowMs - this.second.startedAtMs >= 1000) this.second = { startedAtMs: nowMs, reports: 0 }
    this.second.reports += 1
    if (this.second.reports > reportsOfAllPerSecond)
      return { status: 429, error: `allowed are ${reportsOfAllPerSecond} reports per second from all labs together` }
    // Upper and lower case letters count as the same, so that the page does not list two learners whose names look alike.
    const id = progress.name.toLowerCase()
    const before = this.members.get(id)
    if (before === undefined && this.members.size >= labs) return { status: 409, error: `the room is full: allowed are ${labs} labs` }
    if (before !== undefined && before.progress.key !== progress.key)
      return { status: 409, error: `name: ${progress.name} is in use by another lab; choose another name` }
    if (before !== undefined && nowMs - before.reportedAtMs < 1000 / reportsPerSecond)
      return { status: 429, error: `allowed is ${reportsPerSecond} report per second from one lab` }
    this.members.set(id, { progress: { ...progress, steps: together(before?.progress.steps ?? [], progress.steps) }, reportedAtMs: nowMs })
    return null
  }

  /** Returns all labs, sorted by name. */
  view(nowMs: number): LabView[] {
    return [...this.members.values()]
      .map(({ progress: { key: _, ...shown }, reportedAtMs }) => {
        const ageSeconds = Math.max(0, Math.round((nowMs - reportedAtMs) / 1000))
        return { ...shown, ageSeconds, stale: ageSeconds > workshopBounds.staleSeconds }
      })
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  }
}

type Steps = LabProgress['steps']

/**
 * Returns the steps of the last report, except that a step that was done stays done. A check considers only the last hour, and a lab that
 * is not running reports no steps.
 */
function together(before: Steps, steps: Steps): Steps {
  const merged = new Map(before.filter((one) => isDone(one) || steps.length === 0).map((one) => [one.step, one]))
  for (const one of steps) if (!merged.has(one.step)) merged.set(one.step, one)
  return [...merged.values()].sort((a, b) => a.step - b.step)
}

function isDone({ met, of }: Steps[number]): boolean {
  return met === of
}
